using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using CliWrap;
using CliWrap.Buffered;

namespace RedisClusterOps.Lab;

/// <summary>A real PowerShell that this machine can run, and how to start it.</summary>
/// <param name="Path">The program to start: <c>pwsh</c>, or <c>dotnet</c> for the repository's tool.</param>
/// <param name="LeadingArguments">The arguments before PowerShell's own: the path of <c>pwsh.dll</c> for the tool.</param>
/// <param name="Version">PowerShell's version, at least 7.4.</param>
internal sealed record PowerShellProgram(string Path, IReadOnlyList<string> LeadingArguments, Version Version)
{
    /// <summary>The package of the .NET tool.</summary>
    public const string Package = "powershell";

    private static readonly Version Oldest = new(7, 4);

    /// <summary>Finds <c>pwsh</c> on PATH if it is 7.4 or later, otherwise the repository's .NET tool, restored on first use.</summary>
    /// <exception cref="LabException">There is neither.</exception>
    public static async Task<PowerShellProgram> FindAsync(CancellationToken cancellation = default) =>
        await FindOnPathAsync(cancellation) ?? await FindToolAsync(cancellation);

    /// <summary>Finds the PowerShell that the repository's tool manifest pins, and restores it on first use.</summary>
    /// <remarks>RCO_PWSH is the path of a copy of its <c>pwsh.dll</c>. <c>tests/run</c> makes one that starts faster.</remarks>
    /// <exception cref="LabException">No manifest is near, or the tool can't be restored.</exception>
    public static async Task<PowerShellProgram> FindToolAsync(CancellationToken cancellation = default)
    {
        const string Otherwise = "Install PowerShell 7.4 or later, or run this from the repository's folder.";
        var tool = await RepositoryTool.RestoreAsync(Package, Otherwise, cancellation);
        var dll = Environment.GetEnvironmentVariable("RCO_PWSH") is { Length: > 0 } copy ? copy : tool.DllPath;
        return new PowerShellProgram(tool.DotnetPath, [dll], Version.Parse(tool.Version));
    }

    /// <summary>How to start this PowerShell. The started process is the shell itself; its streams are not redirected.</summary>
    public ProcessStartInfo Start(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Path) { UseShellExecute = false };
        foreach (var argument in LeadingArguments)
            start.ArgumentList.Add(argument);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        // No telemetry from a lab or a test, and no notice of a newer version in the output.
        start.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";
        start.Environment["POWERSHELL_UPDATECHECK"] = "Off";
        return start;
    }

    private static async Task<PowerShellProgram?> FindOnPathAsync(CancellationToken cancellation)
    {
        if (ServerBinary.OnPath("pwsh") is not { } path)
            return null;
        var answer = await Cli.Wrap(path).WithArguments("--version").WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync(cancellation);
        // "PowerShell 7.5.4", or "PowerShell 7.6.0-preview.2".
        var version = answer.StandardOutput.Trim().Split(' ')[^1].Split('-')[0];
        return Version.TryParse(version, out var found) && found >= Oldest ? new PowerShellProgram(path, [], found) : null;
    }
}
