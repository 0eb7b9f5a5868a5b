import Foundation
import HTTP

/// What people call a thing, without the spaces around it, or a 400.
func checkedName(_ name: String, atMost longest: Int = 100) throws(Problem) -> String {
    // In bytes first, so that a body of spaces or of joined characters costs little.
    guard name.utf8.count <= 10 * longest else { throw Problem.invalid("name must have 1 to \(longest) characters.", field: "name") }
    let name = name.trimmingCharacters(in: .whitespacesAndNewlines)
    guard (1...longest).contains(name.count) else { throw Problem.invalid("name must have 1 to \(longest) characters.", field: "name") }
    return name
}
