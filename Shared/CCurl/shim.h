#include <curl/curl.h>

// curl_easy_setopt, curl_easy_getinfo and curl_multi_setopt take any type, which Swift cannot call: here is one function a type.

static inline CURLcode penguin_curl_set_number(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode penguin_curl_set_size(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode penguin_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode penguin_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode penguin_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}

// What gets a piece of the answer, for CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION.
typedef size_t (*penguin_curl_sink)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode penguin_curl_set_sink(CURL *handle, CURLoption option, penguin_curl_sink value) {
    return curl_easy_setopt(handle, option, value);
}

typedef curl_socket_t (*penguin_curl_opener)(void *context, curlsocktype purpose, struct curl_sockaddr *address);

static inline CURLcode penguin_curl_set_opener(CURL *handle, penguin_curl_opener value) {
    return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, value);
}

static inline CURLcode penguin_curl_get_number(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}

static inline CURLcode penguin_curl_get_size(CURL *handle, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(handle, info, value);
}

static inline CURLMcode penguin_curl_multi_set_number(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

// The result of a transfer that has ended; it stands in a union.
static inline CURLcode penguin_curl_result(const CURLMsg *message) {
    return message->data.result;
}

// `addr` of a curl_sockaddr as what it is: a sockaddr of `addrlen` bytes, longer than the type says for IPv6.
static inline const void *penguin_curl_address(const struct curl_sockaddr *address) {
    return &address->addr;
}
