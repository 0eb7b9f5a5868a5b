import Foundation
import HTTPTypes
import TestSupport
import Testing

@testable import Auth

/// What browsers and others send as cookies, broken: the first of a name counts, and nothing is made up.
@Suite("Foreign bytes: cookies")
struct ForeignBytesFuzzTests {
    @Test("a cookie without a name is not the one that its value looks like")
    func nameless() {
        for text in ["=\(SessionToken.cookieName)=evil", " ==\(SessionToken.cookieName)=evil", "\(SessionToken.cookieName)="] {
            #expect(RequestCookies([.cookie: text]).session == nil, "\(text)")
        }
        #expect(RequestCookies([.cookie: "=\(SessionToken.cookieName)=evil; \(SessionToken.cookieName)=a=b"]).session?.text == "a=b")
    }

    @Test("a session's cookie is the first of its name in the header, as it stands there")
    func cookies() throws {
        let name = SessionToken.cookieName
        for input in try FuzzRun("cookies", tokens: [";", "; ", "=", "\(name)=", "\(name)", "__secure-nile.session-token=x", "\"", "%00", ","]) {
            let before = threadSeconds()
            var headers = HTTPFields()
            headers[.cookie] = input.text
            // As the library kept it: what no header can hold is changed there.
            let kept = headers[.cookie] ?? ""
            let cookies = RequestCookies(headers)
            let expected = kept.split(separator: ";").compactMap { pair -> Substring? in
                let trimmed = pair.drop { $0 == " " }
                return trimmed.hasPrefix("\(name)=") && trimmed.utf8.count > name.utf8.count + 1 ? trimmed.dropFirst(name.count + 1) : nil
            }.first
            let found = cookies.session?.text
            // Where marks melt with what stands before them, both readings are right that find nothing.
            if let found { try #require(kept.contains(found) && !found.contains(";"), "\(input.name)") }
            if kept.utf8.allSatisfy({ $0 < 0x80 }) { try #require(found == expected.map(String.init), "\(input.name): \(kept.debugDescription)") }
            try #require(cookies.session?.digest.count ?? 32 == 32, "\(input.name)")
            try #require(isInTime(threadSeconds() - before, bytes: 20 * input.bytes.count), "\(input.name)")
        }
    }
}
