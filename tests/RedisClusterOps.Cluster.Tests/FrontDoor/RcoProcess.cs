using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>What a run of rco came to.</summary>
internal sealed record RcoRun(int ExitCode, string Output, string Errors)
{
    /// <summary>Every line of standard output as JSON; fails where one is not.</summary>
    public IReadOnlyList<JsonElement> Objects() => [.. Lines(Output).Select(line => JsonDocument.Parse(line).RootElement)];

    public IReadOnlyList<string> ErrorLines => Lines(Errors);

    /// <summary>The command that it says to run next, as arguments of rco.</summary>
    public string[] Next()
    {
        var next = Assert.Single(ErrorLines, line => line.StartsWith("next: rco ", StringComparison.Ordinal));
        return next["next: rco ".Length..].Split(' ');
    }

    public void AssertEnded(int exitCode) => Assert.True(exitCode == ExitCode, "It ended with " + ExitCode + ", not " + exitCode + ".\n" + this);

    /// <summary>Refused or not possible: status 2, nothing on standard output, one line of what is wrong and at most one of what to do.</summary>
    public void AssertRefused(string error)
    {
        AssertEnded(2);
        Assert.Equal(string.Empty, Output);
        Assert.Equal("error: " + error, ErrorLines[0]);
        Assert.InRange(ErrorLines.Count, 1, 2);
        Assert.All(ErrorLines.Skip(1), line => Assert.StartsWith("next: ", line));
    }

    public override string ToString() => "exit status " + ExitCode + "\n--- standard output\n" + Output + "--- standard error\n" + Errors;

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>A running rco.</summary>
internal sealed class RcoProcess : IDisposable
{
    private const int InterruptSignal = 2;
    private const int KilledStatus = 128 + 9;
    private const int MostShown = 2000;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly Process _process;
    private readonly StringWriter _output = new();
    private readonly Task _outputRead;
    private readonly Task<string> _errors;

    public RcoProcess(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        _outputRead = ReadOutputAsync();
        _errors = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Ctrl+C.</summary>
    public void Interrupt() => Assert.Equal(0, Kill(_process.Id, InterruptSignal));

    /// <summary>Ends it at once (SIGKILL).</summary>
    /// <returns>False where it had ended by itself before.</returns>
    public async Task<bool> KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        return _process.ExitCode == KilledStatus;
    }

    /// <summary>Waits until standard output holds this text.</summary>
    public async Task OutputAsync(string text)
    {
        var until = DateTime.UtcNow + Patience;
        while (!Output().Contains(text, StringComparison.Ordinal))
        {
            Assert.False(_process.HasExited || DateTime.UtcNow > until, "It never said '" + text + "' but: " + Output());
            await Task.Delay(10);
        }
    }

    public async Task<RcoRun> EndAsync(TimeSpan? within = null)
    {
        using var patience = new CancellationTokenSource(within ?? Patience);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
            var (output, errors) = (Output(), await _errors);
            throw new TimeoutException("rco did not end. It said: " + errors[^Math.Min(errors.Length, MostShown)..] + "--- and\n" + output[^Math.Min(output.Length, MostShown)..]);
        }

        await _outputRead;
        return new RcoRun(_process.ExitCode, Output(), await _errors);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    private string Output()
    {
        lock (_output)
            return _output.ToString();
    }

    private async Task ReadOutputAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            lock (_output)
                _output.Write(line + "\n");
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);
}
