using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Tests;

/// <summary>Runs tests/Pester in a real PowerShell where there is one. The stand-in engine is no substitute for it.</summary>
[Collection(nameof(LabCluster))]
public sealed class PesterSuite(ITestOutputHelper output)
{
    [Fact]
    public async Task The_Pester_suite_is_green()
    {
        var shell = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator)
            .Where(Path.IsPathFullyQualified)
            .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? "pwsh.exe" : "pwsh"))
            .FirstOrDefault(File.Exists);
        Assert.SkipWhen(shell is null, "There is no pwsh on PATH, so tests/Pester did not run.");
        var pester = await RunAsync(shell!, "(Get-Module Pester -ListAvailable | Where-Object Version -ge ([version]'5.0')).Count -gt 0");
        Assert.SkipUnless(pester.Trim() == "True", "pwsh is there but Pester 5 is not, so tests/Pester did not run.");

        var text = await RunAsync(shell!, $$"""
            $configuration = New-PesterConfiguration
            $configuration.Run.Path = '{{Repository.Path("tests/Pester").Replace("'", "''", StringComparison.Ordinal)}}'
            $configuration.Run.PassThru = $true
            $configuration.Output.RenderMode = 'Plaintext'
            $result = Invoke-Pester -Configuration $configuration
            "pester: $($result.PassedCount) passed, $($result.FailedCount + $result.FailedContainersCount) failed, $($result.SkippedCount) skipped"
            """);
        var count = Regex.Match(text, @"pester: (\d+) passed, (\d+) failed, (\d+) skipped");
        output.WriteLine(count.Value);
        Assert.True(count.Success && count.Groups[1].Value != "0" && count.Groups[2].Value == "0", text);
    }

    private static async Task<string> RunAsync(string shell, string script)
    {
        var start = new ProcessStartInfo(shell) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["-NoProfile", "-NonInteractive", "-Command", script])
            start.ArgumentList.Add(argument);
        // The console that is built with these tests, rather than a build of its own for each call.
        start.Environment["RCO_CONSOLE"] = Path.Combine(AppContext.BaseDirectory, "rco.dll");
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return text + await error;
    }
}
