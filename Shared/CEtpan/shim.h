#include <libetpan/libetpan.h>
/* libetpan's own TLS checks no certificate; ours goes through the library that it is linked with anyway. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

/* A variable that holds a function, which Swift takes for shared mutable state. */
static inline void penguin_gnutls_free(void *memory) {
    gnutls_free(memory);
}
