#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

// The functions are macros in <resolv.h>, which Swift does not see.
static inline int resolv_init(res_state state) { return res_ninit(state); }
static inline void resolv_close(res_state state) { res_nclose(state); }
static inline int resolv_query(res_state state, const char *name, int class, int type, unsigned char *answer, int length) {
    return res_nquery(state, name, class, type, answer, length);
}
