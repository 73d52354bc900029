using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using System.Xml.Linq;
using CliWrap;
using CliWrap.Buffered;

namespace RedisClusterOps.Lab;

/// <summary>A .NET tool that the repository's manifest pins: restored by <c>dotnet</c>, started directly from its dll.</summary>
/// <param name="DotnetPath">The dotnet host that runs the tool.</param>
/// <param name="DllPath">The tool's entry point.</param>
/// <param name="Version">The pinned version.</param>
internal sealed record RepositoryTool(string DotnetPath, string DllPath, string Version)
{
    private static readonly string Manifest = Path.Combine(".config", "dotnet-tools.json");

    /// <summary>Finds the tool in NuGet's package folder. Restores it first if it is not there yet.</summary>
    /// <param name="package">The tool's package id.</param>
    /// <param name="otherwise">What a user without the tool can do instead; the end of every error message.</param>
    /// <exception cref="LabException">There is no manifest or no <c>dotnet</c>, or the restore failed.</exception>
    public static async Task<RepositoryTool> RestoreAsync(string package, string otherwise, CancellationToken cancellation)
    {
        var root = RepositoryFolder.Ancestors().FirstOrDefault(folder => PinnedVersion(Path.Combine(folder, Manifest), package) is not null)
            ?? throw new LabException("No .NET tool manifest near this folder names " + package + ". " + otherwise);
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? ServerBinary.OnPath("dotnet")
            ?? throw new LabException("No dotnet is on PATH to run " + package + " with. " + otherwise);
        var version = PinnedVersion(Path.Combine(root, Manifest), package)!;
        var tools = Path.Combine(await GlobalPackagesAsync(dotnet, root, cancellation), package, version, "tools");
        var dll = FindDll(tools);
        if (dll is null)
        {
            var restore = await RunAsync(dotnet, root, cancellation, "tool", "restore");
            var output = (restore.StandardOutput + restore.StandardError).Trim();
            var failure = "'dotnet tool restore' (exit code " + restore.ExitCode + ") did not install " + package + " " + version;
            dll = FindDll(tools) ?? throw new LabException(failure + ": " + output + " " + otherwise);
        }

        return new RepositoryTool(dotnet, dll, version);
    }

    private static string? PinnedVersion(string manifest, string package)
    {
        if (!File.Exists(manifest))
            return null;
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(manifest));
            var tools = json.RootElement.GetProperty("tools");
            return tools.TryGetProperty(package, out var tool) ? tool.GetProperty("version").GetString() : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    private static async Task<string> GlobalPackagesAsync(string dotnet, string root, CancellationToken cancellation)
    {
        const string Label = "global-packages:";
        var list = await RunAsync(dotnet, root, cancellation, "nuget", "locals", "global-packages", "--list", "--force-english-output");
        var line = list.StandardOutput.Split('\n').FirstOrDefault(l => l.Contains(Label, StringComparison.Ordinal))
            ?? throw new LabException("dotnet does not name its package folder: " + (list.StandardOutput + list.StandardError).Trim());
        return line[(line.IndexOf(Label, StringComparison.Ordinal) + Label.Length)..].Trim();
    }

    private static string? FindDll(string tools)
    {
        if (!Directory.Exists(tools))
            return null;
        // A package may hold one tool for each framework; the last in order is the newest.
        var settings = Directory.EnumerateFiles(tools, "DotnetToolSettings.xml", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .LastOrDefault();
        var entryPoint = settings is null ? null : XDocument.Load(settings).Descendants("Command").First().Attribute("EntryPoint")?.Value;
        if (entryPoint is null)
            return null;
        var folder = Path.GetDirectoryName(settings)!;
        // PowerShell's entry point only starts the shell of this system as a child. The lab needs the id of the shell itself.
        var shell = Path.Combine(folder, OperatingSystem.IsWindows() ? "win" : "unix", "pwsh.dll");
        var dll = File.Exists(shell) ? shell : Path.Combine(folder, entryPoint);
        return File.Exists(dll) ? dll : null;
    }

    private static async Task<BufferedCommandResult> RunAsync(
        string dotnet, string folder, CancellationToken cancellation, params string[] arguments) =>
        await Cli.Wrap(dotnet).WithArguments(arguments).WithWorkingDirectory(folder).WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync(cancellation);
}

/// <summary>Finds files of the repository in the parents of the current folder, then of the program's folder.</summary>
internal static class RepositoryFolder
{
    /// <summary>The folder that holds the built module.</summary>
    /// <exception cref="LabException">The module was not built.</exception>
    public static string BuiltModule()
    {
        var module = Path.Combine("out", "RedisClusterOps");
        var root = Ancestors().FirstOrDefault(folder => File.Exists(Path.Combine(folder, module, "RedisClusterOps.psd1")))
            ?? throw new LabException("The module is not built: " + module + " is missing. Build it: dotnet build src/RedisClusterOps");
        return Path.Combine(root, module);
    }

    /// <summary>Gets the current folder and its parents, then the program's folder and its parents.</summary>
    public static IEnumerable<string> Ancestors()
    {
        foreach (var start in new[] { Directory.GetCurrentDirectory(), AppContext.BaseDirectory })
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
                yield return folder.FullName;
        }
    }
}
