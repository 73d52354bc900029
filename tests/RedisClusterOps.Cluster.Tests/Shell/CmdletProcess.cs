using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
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
    private readonly Task<string> _errors;

    private CmdletProcess(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        // PowerShell would read it as the pipeline input of the script.
        _process.StandardInput.Close();
        _errors = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>The folder of the built module.</summary>
    public static string Module { get; } = Path.Combine(Repository(), "out", "RedisClusterOps");

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

    /// <summary>Reads the next line of its standard output.</summary>
    public async Task<string> ReadLineAsync() =>
        await _process.StandardOutput.ReadLineAsync().WaitAsync(Patience)
        ?? throw new InvalidOperationException("PowerShell exited: " + await _errors);

    /// <summary>Waits until it exits.</summary>
    /// <returns>Its exit code, and the rest of its standard output and its standard error.</returns>
    public async Task<(int ExitCode, string Text)> EndAsync()
    {
        var output = await _process.StandardOutput.ReadToEndAsync().WaitAsync(Patience);
        await _process.WaitForExitAsync().WaitAsync(Patience);
        return (_process.ExitCode, output + await _errors);
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

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);
}
