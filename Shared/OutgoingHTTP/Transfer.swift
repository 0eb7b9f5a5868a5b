import CCurl
import Foundation
import Primitives

/// One request on its way: libcurl's handle, and what has come of the answer. Belongs to the loop's thread.
final class Transfer {
    let order: TransferOrder
    let handle: UnsafeMutableRawPointer
    private let settings: TransferSettings
    private var lists: [UnsafeMutablePointer<curl_slist>] = []
    private var body = Data()
    private var headBytes = 0
    private var isCut = false
    private var isHeadTooLong = false
    /// An address that a socket was wanted for, and that is not one of the Internet.
    private var refused: String?

    init(_ order: TransferOrder, _ settings: TransferSettings) throws(OutgoingError) {
        guard let handle = curl_easy_init() else { throw OutgoingError(.library, message: "no memory") }
        self.order = order
        self.handle = handle
        self.settings = settings
        try prepare()
    }

    deinit {
        curl_easy_cleanup(handle)
        for list in lists { curl_slist_free_all(list) }
    }

    // MARK: - Before

    private func prepare() throws(OutgoingError) {
        let request = order.request
        try set(CURLOPT_URL, request.address.text)
        try set(CURLOPT_PROTOCOLS_STR, settings.reach == .anywhere ? "https,http" : "https")
        try set(CURLOPT_FOLLOWLOCATION, 0)
        // An empty text also keeps it from asking the environment.
        try set(CURLOPT_PROXY, "")
        try set(CURLOPT_NETRC, 0)
        try set(CURLOPT_NOSIGNAL, 1)
        // A look-up that hangs has a thread of its own; without this the end of the transfer would wait for it, and all others with it.
        try set(CURLOPT_QUICK_EXIT, 1)
        try set(CURLOPT_CONNECTTIMEOUT_MS, settings.limits.connect.milliseconds)
        try set(CURLOPT_TIMEOUT_MS, settings.limits.total.milliseconds)
        try set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        try set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        if !settings.certificates.isEmpty { try set(CURLOPT_CAINFO, settings.certificates) }
        try set(CURLOPT_USERAGENT, settings.userAgent)
        try set(CURLOPT_HTTPHEADER, try list(try headerLines(of: request)))
        if !settings.names.isEmpty { try set(CURLOPT_RESOLVE, try list(settings.names)) }
        if request.isGet { try set(CURLOPT_HTTPGET, 1) } else { try post(request) }
        // The loop keeps this object for as long as the handle is in its set.
        let context = Unmanaged.passUnretained(self).toOpaque()
        try check(penguin_curl_set_opener(handle, Self.open))
        try check(penguin_curl_set_pointer(handle, CURLOPT_OPENSOCKETDATA, context))
        try check(penguin_curl_set_sink(handle, CURLOPT_HEADERFUNCTION, Self.takeHead))
        try check(penguin_curl_set_pointer(handle, CURLOPT_HEADERDATA, context))
        try check(penguin_curl_set_sink(handle, CURLOPT_WRITEFUNCTION, Self.takeBody))
        try check(penguin_curl_set_pointer(handle, CURLOPT_WRITEDATA, context))
    }

    private func post(_ request: OutgoingRequest) throws(OutgoingError) {
        try set(CURLOPT_POST, 1)
        try check(penguin_curl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count)))
        // It copies as many bytes as the size says; no bytes are no pointer.
        let copied = request.body.withUnsafeBytes { bytes in
            bytes.baseAddress.map { penguin_curl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: $0)) }
                ?? penguin_curl_set_text(handle, CURLOPT_COPYPOSTFIELDS, "")
        }
        try check(copied)
    }

    /// The request's own, and none where libcurl would ask first whether a body is welcome.
    private func headerLines(of request: OutgoingRequest) throws(OutgoingError) -> [String] {
        for header in request.headers where !(header.name + header.value).utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
            throw OutgoingError(.library, message: "the header \(header.name) holds what no header may")
        }
        return ["Expect:"] + request.headers.map { "\($0.name): \($0.value)" }
    }

    private func list(_ lines: [String]) throws(OutgoingError) -> UnsafeMutablePointer<curl_slist> {
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines {
            guard let longer = curl_slist_append(list, line) else {
                curl_slist_free_all(list)
                throw OutgoingError(.library, message: "no memory")
            }
            list = longer
        }
        guard let list else { throw OutgoingError(.library, message: "an empty list") }
        lists.append(list)
        return list
    }

    private func set(_ option: CURLoption, _ value: Int) throws(OutgoingError) {
        try check(penguin_curl_set_number(handle, option, value))
    }

    private func set(_ option: CURLoption, _ value: String) throws(OutgoingError) {
        try check(penguin_curl_set_text(handle, option, value))
    }

    private func set(_ option: CURLoption, _ value: UnsafeMutablePointer<curl_slist>) throws(OutgoingError) {
        try check(penguin_curl_set_list(handle, option, value))
    }

    /// What guards a request must not be missing because a library did not know it.
    private func check(_ result: CURLcode) throws(OutgoingError) {
        guard result == CURLE_OK else { throw OutgoingError(.library, message: String(cString: curl_easy_strerror(result))) }
    }

    // MARK: - Meanwhile

    private static let open: penguin_curl_opener = { context, purpose, address in
        guard let context, let address, purpose == CURLSOCKTYPE_IPCXN else { return CURL_SOCKET_BAD }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        guard let digits = SocketAddress.digits(of: address) else { return CURL_SOCKET_BAD }
        guard transfer.settings.reach == .anywhere || PublicAddress.isPublic(digits) else {
            transfer.refused = digits
            return CURL_SOCKET_BAD
        }
        return SocketAddress.makeSocket(for: address)
    }

    private static let takeHead: penguin_curl_sink = { bytes, size, count, context in
        guard let context else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        transfer.headBytes += size * count
        guard transfer.headBytes <= transfer.settings.limits.head else {
            transfer.isHeadTooLong = true
            return 0
        }
        return size * count
    }

    private static let takeBody: penguin_curl_sink = { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        let room = transfer.settings.limits.answer - transfer.body.count
        transfer.body.append(UnsafeBufferPointer(start: UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self), count: min(room, size * count)))
        if size * count > room { transfer.isCut = true }
        // Less than came ends the transfer.
        return min(room, size * count)
    }

    // MARK: - After

    func result(of code: CURLcode) -> Result<OutgoingAnswer, OutgoingError> {
        guard code == CURLE_OK || (code == CURLE_WRITE_ERROR && isCut) else { return .failure(error(of: code)) }
        var status = 0
        var microseconds: curl_off_t = 0
        _ = penguin_curl_get_number(handle, CURLINFO_RESPONSE_CODE, &status)
        _ = penguin_curl_get_size(handle, CURLINFO_TOTAL_TIME_T, &microseconds)
        return .success(OutgoingAnswer(status: status, body: body, isCut: isCut, duration: .microseconds(Int64(microseconds))))
    }

    private func error(of code: CURLcode) -> OutgoingError {
        let message = String(cString: curl_easy_strerror(code))
        if isHeadTooLong { return OutgoingError(.tooMuch, message: "the answer's head is longer than \(settings.limits.head) bytes") }
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST: return OutgoingError(.nameNotFound, message: message)
        case CURLE_COULDNT_CONNECT:
            guard let refused else { return OutgoingError(.connection, message: message) }
            return OutgoingError(.refusedAddress, message: "\(order.request.address.host) stands for \(refused)")
        case CURLE_OPERATION_TIMEDOUT: return OutgoingError(.timeout, message: message)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR:
            return OutgoingError(.encryption, message: message)
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_CONTENT_ENCODING:
            return OutgoingError(.malformedAnswer, message: message)
        case CURLE_URL_MALFORMAT: return OutgoingError(.invalidAddress, message: message)
        case CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT, CURLE_SSL_CACERT_BADFILE: return OutgoingError(.library, message: message)
        default: return OutgoingError(.connection, message: message)
        }
    }
}

extension Duration {
    /// Rounded down.
    fileprivate var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1_000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
