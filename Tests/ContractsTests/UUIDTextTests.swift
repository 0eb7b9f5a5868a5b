import Contracts
import Foundation
import Testing

@Suite struct UUIDTextTests {
    @Test("the text is Foundation's in lower case, and reads back in either case")
    func roundTrip() {
        for _ in 0..<100 {
            let uuid = UUID()
            #expect(uuid.text == uuid.uuidString.lowercased())
            #expect(UUID(text: uuid.text) == uuid)
            #expect(UUID(text: uuid.uuidString) == uuid)
        }
    }

    @Test(
        "anything else is no UUID",
        arguments: [
            "", "0198c5f0", "0198c5f0-0000-7000-8000-00000000000", "0198c5f0-0000-7000-8000-0000000000000", "0198c5f000000-7000-8000-00000000000-",
            "0198c5f0-0000-7000-8000-00000000000g", "{198c5f0-0000-7000-8000-00000000000}", "0198c5f0-0000-7000-8000-0000000000é",
        ])
    func refused(text: String) {
        #expect(UUID(text: text) == nil)
    }
}
