import Configuration
import Foundation
import SystemPackage

/// Where a service's settings are read: the command line wins over the environment, and that over files.
enum SettingsSource {
    /// Names a folder in which each file is one setting, such as `postgres-api-password`: how secrets are mounted into a container.
    static let folderVariable = "SETTINGS_FOLDER"

    /// Throws ``SettingsError`` when the named folder cannot be read.
    static func reader(environment: [String: String] = ProcessInfo.processInfo.environment) async throws -> ConfigReader {
        var providers: [any ConfigProvider] = [CommandLineArgumentsProvider(), EnvironmentVariablesProvider(environmentVariables: environment)]
        if let folder = environment[folderVariable], !folder.isEmpty {
            do {
                providers.append(try await DirectoryFilesProvider(directoryPath: FilePath(folder)))
            } catch {
                throw SettingsError(problems: ["\(folderVariable): cannot read the folder \(folder)"])
            }
        }
        return ConfigReader(providers: providers)
    }
}
