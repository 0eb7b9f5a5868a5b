import CCurl

func probe() {
    let h = curl_easy_init()
    _ = h
}
