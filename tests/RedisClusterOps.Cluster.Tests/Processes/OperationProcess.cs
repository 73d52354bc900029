using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Driver;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Processes;

/// <summary>The program that runs an operation.</summary>
public enum Host
{
    /// <summary>The driver, on the core alone.</summary>
    Driver,

    /// <summary>A real PowerShell with the cmdlet.</summary>
    PowerShell,
}

/// <summary>An operation in a process of its own, to be killed, frozen or interrupted.</summary>
internal sealed class OperationProcess : IDisposable
{
    private const int InterruptSignal = 2;
    private const int ContinueSignal = 18;
    private const int StopSignal = 19;
    private const int KilledStatus = 128 + 9;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly Lazy<Task<PowerShellProgram>> PowerShell = new(() => PowerShellProgram.FindToolAsync());

    private readonly Process _process;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task<IReadOnlyList<DriverResult>> _results;
    private readonly Task<string> _errors;

    private OperationProcess(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        _results = ReadResultsAsync();
        _errors = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Starts the operation. Returns when the runtime and the module are loaded and the operation begins.</summary>
    public static async Task<OperationProcess> StartAsync(DriverRequest request, Host host = Host.Driver)
    {
        var program = host == Host.Driver
            ? new ProcessStartInfo(
                "dotnet", [Path.ChangeExtension(typeof(DriverRequest).Assembly.Location, "dll"), JsonSerializer.Serialize(request)])
            : (await PowerShell.Value).Start("-NoProfile", "-NonInteractive", "-Command", CmdletScript.Of(request));
        // A shell starts background jobs with SIGINT ignored, and child processes inherit that. env restores the default.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", program.FileName, .. program.ArgumentList]);
        foreach (var (name, value) in program.Environment)
            start.Environment[name] = value;
        var process = new OperationProcess(start);
        await process._ready.Task.WaitAsync(Patience);
        return process;
    }

    /// <summary>Runs the operation to its end.</summary>
    public static async Task<OperationEnd> RunAsync(DriverRequest request, Host host = Host.Driver, TimeSpan? within = null)
    {
        using var process = await StartAsync(request, host);
        return await process.EndAsync(within);
    }

    /// <summary>Sends SIGINT, as Ctrl+C does.</summary>
    public void Interrupt() => Assert.Equal(0, Kill(_process.Id, InterruptSignal));

    /// <summary>Sends SIGSTOP: the process keeps its locks and its connections, and does nothing.</summary>
    public void Freeze() => Assert.Equal(0, Kill(_process.Id, StopSignal));

    /// <summary>Sends SIGCONT.</summary>
    public void Thaw() => Assert.Equal(0, Kill(_process.Id, ContinueSignal));

    /// <summary>Sends SIGKILL.</summary>
    /// <returns>False if the process had already exited.</returns>
    public async Task<bool> KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        return _process.ExitCode == KilledStatus;
    }

    /// <summary>Waits for the process to exit.</summary>
    /// <exception cref="TimeoutException">It did not exit within the time, by default three minutes. It was killed.</exception>
    public async Task<OperationEnd> EndAsync(TimeSpan? within = null)
    {
        using var patience = new CancellationTokenSource(within ?? Patience);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
            throw new TimeoutException("The process did not exit. Its errors:\n" + await _errors);
        }

        return new OperationEnd(_process.ExitCode, await _results, await _errors);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    private async Task<IReadOnlyList<DriverResult>> ReadResultsAsync()
    {
        var results = new List<DriverResult>();
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line == DriverRequest.Ready)
                _ready.TrySetResult();
            // Only SIGKILL can cut a line short, and then no test reads the results.
            else if (line.EndsWith('}'))
                results.Add(JsonSerializer.Deserialize<DriverResult>(line)!);
        }

        if (_ready.TrySetException(new InvalidOperationException("The process exited before the operation began: " + await _errors)))
            return [];
        return results;
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);
}

/// <summary>What a process left when it exited: its status, its results, and its standard error.</summary>
internal sealed record OperationEnd(int ExitCode, IReadOnlyList<DriverResult> Results, string Errors)
{
    /// <summary>Failures and notices, in the order in which they were written.</summary>
    public IReadOnlyList<DriverMessage> Messages { get; } =
        [.. Errors.Split('\n').Where(line => line.StartsWith('{')).Select(line => JsonSerializer.Deserialize<DriverMessage>(line)!)];

    public IReadOnlyList<DriverMessage> Failures => [.. Messages.Where(message => message.Code is not null)];

    public string FirstFailure => Failures is [var first, ..] ? first.Code + ": " + first.Text : "no failure";

    public void AssertExited(int exitCode) =>
        Assert.True(
            exitCode == ExitCode,
            "Expected exit status " + exitCode + ", got " + ExitCode + ".\n" + Errors[..Math.Min(Errors.Length, 4000)]);
}
