using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Lab;

/// <summary>Garnet as a .NET tool: pinned in the repository's manifest, restored by <c>dotnet</c>, started from its dll.</summary>
internal sealed record GarnetTool(string DotnetPath, string DllPath, string Version)
{
    private const string Package = "garnet-server";
    private static readonly string Manifest = Path.Combine(".config", "dotnet-tools.json");

    /// <exception cref="LabException">There is no manifest or no <c>dotnet</c>, or the restore failed.</exception>
    public static async Task<GarnetTool> RestoreAsync(CancellationToken cancellation)
    {
        const string Otherwise = "Put redis-server or valkey-server on PATH, or run this from the repository's folder.";
        var root = FolderWithManifest()
            ?? throw new LabException("Garnet can't be had: no .NET tool manifest that names it is near. " + Otherwise);
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? ServerBinary.OnPath("dotnet")
            ?? throw new LabException("Garnet can't be run: no dotnet is on PATH. " + Otherwise);
        var version = PinnedVersion(Path.Combine(root, Manifest))!;
        var packages = await GlobalPackagesAsync(dotnet, root, cancellation);
        var dll = FindDll(packages, version);
        if (dll is null)
        {
            var (code, output) = await RunAsync(dotnet, root, cancellation, "tool", "restore");
            dll = FindDll(packages, version) ?? throw new LabException(
                "'dotnet tool restore' (exit " + code + ") brought no garnet-server " + version + ": " + output.Trim() + " " + Otherwise);
        }

        return new GarnetTool(dotnet, dll, version);
    }

    private static string? FolderWithManifest()
    {
        foreach (var start in new[] { Directory.GetCurrentDirectory(), AppContext.BaseDirectory })
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                var manifest = Path.Combine(folder.FullName, Manifest);
                if (File.Exists(manifest) && PinnedVersion(manifest) is not null)
                    return folder.FullName;
            }
        }

        return null;
    }

    private static string? PinnedVersion(string manifest)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(manifest));
            var tools = json.RootElement.GetProperty("tools");
            return tools.TryGetProperty(Package, out var tool) ? tool.GetProperty("version").GetString() : null;
        }
        catch (Exception e) when (e is JsonException or System.Collections.Generic.KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    private static async Task<string> GlobalPackagesAsync(string dotnet, string root, CancellationToken cancellation)
    {
        var (_, output) = await RunAsync(
            dotnet, root, cancellation, "nuget", "locals", "global-packages", "--list", "--force-english-output");
        const string Label = "global-packages:";
        var line = output.Split('\n').FirstOrDefault(l => l.Contains(Label, StringComparison.Ordinal))
            ?? throw new LabException("dotnet does not say where its packages are: " + output.Trim());
        return line[(line.IndexOf(Label, StringComparison.Ordinal) + Label.Length)..].Trim();
    }

    private static string? FindDll(string packages, string version)
    {
        var tools = Path.Combine(packages, Package, version, "tools");
        if (!Directory.Exists(tools))
            return null;
        // The tool's own settings stand beside its entry point; a second copy of the server lies in a folder further down.
        var settings = Directory.EnumerateFiles(tools, "DotnetToolSettings.xml", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .LastOrDefault();
        var dll = settings is null ? null : Path.Combine(Path.GetDirectoryName(settings)!, "GarnetServer.dll");
        return File.Exists(dll) ? dll : null;
    }

    private static async Task<(int Code, string Output)> RunAsync(
        string dotnet, string folder, CancellationToken cancellation, params string[] arguments)
    {
        var start = new ProcessStartInfo(dotnet)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start) ?? throw new LabException("dotnet could not be started.");
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellation);
            var errors = process.StandardError.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            return (process.ExitCode, await output + await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}
