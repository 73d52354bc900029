using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Shell;

/// <summary>A process of the repository's PowerShell, which can be interrupted as Ctrl+C does.</summary>
internal sealed class CmdletProcess : IDisposable
{
    private const int InterruptSignal = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly Process _process;
    private readonly StringWriter _output = new();
    private readonly Task _read;
    private readonly Task<string> _errors;

    private CmdletProcess(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        // PowerShell would read it as the pipeline input of the script.
        _process.StandardInput.Close();
        _read = ReadAsync();
        _errors = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>The folder of the built module.</summary>
    public static string Module { get; } = Path.Combine(Repository(), "out", "RedisClusterOps");

    /// <summary>What it printed on standard output so far.</summary>
    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    /// <summary>Starts a PowerShell that imports the module, runs the script and exits.</summary>
    public static Task<CmdletProcess> StartAsync(string script) => StartAsync("-Command", "Import-Module '" + Module + "'; " + script);

    /// <summary>Starts a PowerShell with these arguments.</summary>
    public static async Task<CmdletProcess> StartAsync(params string[] arguments)
    {
        var start = (await PowerShellProgram.FindToolAsync()).Start(["-NoProfile", "-NonInteractive", .. arguments]);
        start.WorkingDirectory = AppContext.BaseDirectory;
        start.Environment["NO_COLOR"] = "1";
        if (OperatingSystem.IsLinux())
        {
            // A process that a shell started in the background ignores SIGINT, and so do its children. env restores the default.
            start.ArgumentList.Insert(0, "--default-signal=INT");
            start.ArgumentList.Insert(1, start.FileName);
            start.FileName = "env";
        }

        return new CmdletProcess(start);
    }

    /// <summary>Interrupts it as Ctrl+C does (SIGINT).</summary>
    public void Interrupt() => Assert.Equal(0, Kill(_process.Id, InterruptSignal));

    /// <summary>Waits until the output fulfils a condition.</summary>
    public async Task<string> UntilAsync(Func<string, bool> condition)
    {
        var until = DateTime.UtcNow + Patience;
        while (true)
        {
            var (hasEnded, output) = (_read.IsCompleted, Output);
            if (condition(output))
                return output;
            Assert.False(hasEnded || DateTime.UtcNow > until, "PowerShell never printed what the test waits for, but: " + output);
            await Task.Delay(10);
        }
    }

    /// <summary>Waits until it exits.</summary>
    /// <returns>Its exit code, and all that it printed on standard output and standard error.</returns>
    public async Task<(int ExitCode, string Text)> EndAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        await _process.WaitForExitAsync(patience.Token);
        await _read;
        return (_process.ExitCode, Output + await _errors);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    private static string Repository()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "RedisClusterOps.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests are not inside the repository.");
        return folder;
    }

    private async Task ReadAsync()
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
