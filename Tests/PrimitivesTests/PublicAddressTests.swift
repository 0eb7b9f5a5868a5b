import Primitives
import Testing

@Suite struct PublicAddressTests {
    @Test(
        "addresses of the Internet",
        arguments: [
            "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "198.20.0.1", "223.255.255.255", "2a00:1450:4001::1",
            "2606:4700::1111",
        ])
    func outside(address: String) {
        #expect(PublicAddress.isPublic(address))
    }

    @Test(
        "addresses inside, of nobody, and what is no address",
        arguments: [
            "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
            "255.255.255.255", "198.18.0.1", "203.0.113.5", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "::ffff:127.0.0.1",
            "::ffff:8.8.8.8", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "2001:db8::1", "ff02::1", "localhost", "127.1", "0x7f000001", "",
        ])
    func inside(address: String) {
        #expect(!PublicAddress.isPublic(address))
    }
}
