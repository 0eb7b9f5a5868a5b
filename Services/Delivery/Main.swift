import Foundation
import ServiceRuntime

@main
struct Main {
    static func main() async {
        guard CommandLine.arguments.dropFirst() != ["--measure-signatures"] else { return measureSignatures() }
        await ServiceMain.run(DeliveryService.self)
    }

    private static func measureSignatures() {
        do {
            print(try SignatureMeasure.report())
        } catch {
            FileHandle.standardError.write(Data("delivery: \(error)\n".utf8))
            exit(1)
        }
    }
}
