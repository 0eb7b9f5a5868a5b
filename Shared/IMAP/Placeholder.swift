import CEtpan

func probe() {
    let i = mailimap_new(0, nil)
    _ = i
}
