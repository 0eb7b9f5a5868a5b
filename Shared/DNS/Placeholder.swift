import CResolv

func probe() {
    var s = __res_state()
    _ = resolv_init(&s)
}
