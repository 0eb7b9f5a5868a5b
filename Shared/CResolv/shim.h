#pragma once

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

// <resolv.h> makes macros of its functions and of the name `_res`, and its state bears the name of a function: none of it reaches Swift. Here it
// does, under names of its own; the state lies behind a pointer.

typedef struct resolver resolver;

/// A state as the system's configuration says; NULL when there is no memory.
static inline resolver *resolver_open(void) {
    struct __res_state *state = calloc(1, sizeof(struct __res_state));
    if (state == NULL) return NULL;
    if (res_ninit(state) != 0) {
        free(state);
        return NULL;
    }
    return (resolver *)state;
}

static inline void resolver_close(resolver *handle) {
    res_nclose((struct __res_state *)handle);
    free(handle);
}

/// Seconds of the first wait, and how often every server is asked. Larger answers than the limit come back with the bit TC set, EDNS0 makes the
/// limit large, and what the resolver says about DNSSEC (AD) is kept.
static inline void resolver_tune(resolver *handle, int seconds, int attempts) {
    struct __res_state *state = (struct __res_state *)handle;
    state->retrans = seconds;
    state->retry = attempts;
    state->options |= RES_USE_EDNS0 | RES_TRUSTAD | RES_IGNTC | RES_NOALIASES;
    state->options &= ~(unsigned long)(RES_DNSRCH | RES_DEFNAMES | RES_ROTATE | RES_USEVC);
}

/// Asks this server instead of the system's; false when it is no address of IPv4 or IPv6.
static inline int resolver_use(resolver *handle, const struct sockaddr *address) {
    struct __res_state *state = (struct __res_state *)handle;
    res_nclose(state);
    memset(state->nsaddr_list, 0, sizeof(state->nsaddr_list));
    state->nscount = 1;
    state->_u._ext.nscount = 0;
    if (address->sa_family == AF_INET) {
        memcpy(&state->nsaddr_list[0], address, sizeof(struct sockaddr_in));
        return 1;
    }
    if (address->sa_family != AF_INET6) return 0;
    // The list holds addresses of IPv4 only; those of IPv6 stand beside it, in memory that res_nclose frees.
    if (state->_u._ext.nsaddrs[0] == NULL) state->_u._ext.nsaddrs[0] = malloc(sizeof(struct sockaddr_in6));
    if (state->_u._ext.nsaddrs[0] == NULL) return 0;
    memcpy(state->_u._ext.nsaddrs[0], address, sizeof(struct sockaddr_in6));
    state->_u._ext.nssocks[0] = -1;
    state->_u._ext.nscount = 1;
    return 1;
}

/// The first server's address; 0 when there is none.
static inline socklen_t resolver_server(resolver *handle, struct sockaddr_storage *address) {
    struct __res_state *state = (struct __res_state *)handle;
    if (state->nscount < 1) return 0;
    if (state->nsaddr_list[0].sin_family == AF_INET) {
        memcpy(address, &state->nsaddr_list[0], sizeof(struct sockaddr_in));
        return sizeof(struct sockaddr_in);
    }
    if (state->_u._ext.nsaddrs[0] == NULL) return 0;
    memcpy(address, state->_u._ext.nsaddrs[0], sizeof(struct sockaddr_in6));
    return sizeof(struct sockaddr_in6);
}

/// The length of the answer, or -1; what came is in `answer` also then, as far as something came.
static inline int resolver_query(resolver *handle, const char *name, int type, unsigned char *answer, int length) {
    return res_nquery((struct __res_state *)handle, name, ns_c_in, type, answer, length);
}

/// The question as it goes onto the wire, for a connection of our own; -1 when the name is none.
static inline int resolver_question(resolver *handle, const char *name, int type, unsigned char *question, int length) {
    return res_nmkquery((struct __res_state *)handle, ns_o_query, name, ns_c_in, type, NULL, 0, NULL, question, length);
}

typedef struct {
    char owner[NS_MAXDNAME];
    int type;
    unsigned int ttl;
    const unsigned char *data;
    int length;
} resolver_record;

typedef struct {
    ns_msg message;
} resolver_message;

static inline resolver_message *resolver_parse(const unsigned char *answer, int length) {
    resolver_message *parsed = calloc(1, sizeof(resolver_message));
    if (parsed == NULL) return NULL;
    if (ns_initparse(answer, length, &parsed->message) != 0) {
        free(parsed);
        return NULL;
    }
    return parsed;
}

static inline void resolver_free(resolver_message *parsed) { free(parsed); }
static inline int resolver_is_answer(resolver_message *parsed) { return ns_msg_getflag(parsed->message, ns_f_qr); }
static inline int resolver_is_truncated(resolver_message *parsed) { return ns_msg_getflag(parsed->message, ns_f_tc); }
static inline int resolver_is_authentic(resolver_message *parsed) { return ns_msg_getflag(parsed->message, ns_f_ad); }
static inline int resolver_code(resolver_message *parsed) { return ns_msg_getflag(parsed->message, ns_f_rcode); }
static inline int resolver_answers(resolver_message *parsed) { return ns_msg_count(parsed->message, ns_s_an); }

/// Reads one record of the answer section; false when the message is damaged there. Ones of another class have the type 0.
static inline int resolver_read(resolver_message *parsed, int index, resolver_record *record) {
    ns_rr rr;
    if (ns_parserr(&parsed->message, ns_s_an, index, &rr) != 0) return 0;
    memcpy(record->owner, ns_rr_name(rr), NS_MAXDNAME);
    record->owner[NS_MAXDNAME - 1] = 0;
    record->type = ns_rr_class(rr) == ns_c_in ? ns_rr_type(rr) : 0;
    record->ttl = ns_rr_ttl(rr);
    record->data = ns_rr_rdata(rr);
    record->length = ns_rr_rdlen(rr);
    return 1;
}

/// A name inside a record's data, `offset` bytes into it; -1 when it is damaged.
static inline int resolver_name(resolver_message *parsed, const resolver_record *record, int offset, char *name, int length) {
    if (offset >= record->length) return -1;
    return ns_name_uncompress(
        ns_msg_base(parsed->message), ns_msg_end(parsed->message), record->data + offset, name, (size_t)length);
}
