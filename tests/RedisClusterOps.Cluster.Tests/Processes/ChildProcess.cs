using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Processes;

/// <summary>A process that a test starts, reads, signals and waits for.</summary>
internal class ChildProcess : IDisposable
{
    private const int KilledStatus = 128 + 9;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan OutputPatience = TimeSpan.FromMinutes(4);

    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly Process _process;
    private readonly Task _reading;

    protected ChildProcess(ProcessStartInfo start, string input)
    {
        if (OperatingSystem.IsLinux())
        {
            // A shell starts background jobs with SIGINT ignored, and child processes inherit that. env restores the default.
            start.ArgumentList.Insert(0, "--default-signal=INT");
            start.ArgumentList.Insert(1, start.FileName);
            start.FileName = "env";
        }

        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        _process.StandardInput.Write(input);
        _process.StandardInput.Close();
        _reading = Task.WhenAll(
            Task.Run(() => ReadAsync(_process.StandardOutput, _output, _lines.Writer)),
            Task.Run(() => ReadAsync(_process.StandardError, _errors, null)));
    }

    public bool HasExited => _process.HasExited;

    /// <summary>Starts a process with this text as standard input.</summary>
    public static ChildProcess Start(ProcessStartInfo start, string input = "") => new(start, input);

    /// <summary>Runs a process to its end, with this text as standard input.</summary>
    /// <exception cref="TimeoutException">The process did not exit within the time, by default three minutes. It was killed.</exception>
    public static async Task<ProcessEnd> RunAsync(ProcessStartInfo start, string input = "", TimeSpan? within = null)
    {
        using var process = Start(start, input);
        return await process.EndAsync(within);
    }

    /// <summary>Returns the next line of standard output.</summary>
    public async Task<string> ReadLineAsync()
    {
        try
        {
            return await _lines.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        }
        catch (ChannelClosedException)
        {
            await _reading;
            throw new InvalidOperationException("The process exited: " + Text(_errors));
        }
    }

    /// <summary>Waits until standard output contains this text, and returns the output so far.</summary>
    public async Task<string> UntilOutputAsync(string text)
    {
        for (var until = DateTime.UtcNow + OutputPatience; ; await Task.Delay(10))
        {
            var ended = _reading.IsCompleted;
            var output = Text(_output);
            if (output.Contains(text, StringComparison.Ordinal))
                return output;
            Assert.False(ended || DateTime.UtcNow > until, "'" + text + "' was never written, but: " + output + Text(_errors));
        }
    }

    /// <summary>Sends SIGINT, as Ctrl+C does.</summary>
    public void Interrupt() => Signal(PosixSignal.SIGINT);

    public void Signal(PosixSignal signal) => Send(signal switch
    {
        PosixSignal.SIGHUP => 1,
        PosixSignal.SIGINT => 2,
        PosixSignal.SIGTERM => 15,
        _ => throw new ArgumentOutOfRangeException(nameof(signal)),
    });

    /// <summary>Sends SIGSTOP: the process keeps its locks and its connections, and does nothing.</summary>
    public void Freeze() => Send(19);

    /// <summary>Sends SIGCONT.</summary>
    public void Thaw() => Send(18);

    /// <summary>Sends SIGKILL.</summary>
    /// <returns>False if the process had already exited.</returns>
    public async Task<bool> KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        return _process.ExitCode == KilledStatus;
    }

    /// <summary>Waits for the process to exit.</summary>
    /// <exception cref="TimeoutException">The process did not exit within the time, by default three minutes. It was killed.</exception>
    public async Task<ProcessEnd> EndAsync(TimeSpan? within = null)
    {
        using var patience = new CancellationTokenSource(within ?? Patience);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
            await _reading.WaitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            throw new TimeoutException("The process did not exit in time. It wrote:\n" + Text(_output) + Text(_errors));
        }

        return new ProcessEnd(_process.ExitCode, Text(_output), Text(_errors));
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    private static async Task ReadAsync(StreamReader reader, StringBuilder text, ChannelWriter<string>? lines)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (text)
                text.Append(line).Append('\n');
            lines?.TryWrite(line);
        }

        lines?.Complete();
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }

    private void Send(int signal) => Assert.True(Kill(_process.Id, signal) == 0 || _process.HasExited, "The signal was not sent.");

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);
}

/// <summary>The exit status, the standard output and the standard error of a process.</summary>
internal sealed record ProcessEnd(int ExitCode, string Output, string Errors)
{
    public ProcessEnd AssertExited(int exitCode)
    {
        var written = First(Errors) + "--- standard output\n" + First(Output);
        Assert.True(exitCode == ExitCode, "Expected exit status " + exitCode + ", got " + ExitCode + ".\n" + written);
        return this;
    }

    private static string First(string text) => text[..Math.Min(text.Length, 4000)];
}
