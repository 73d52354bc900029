using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO;
using System.IO.Pipes;
using System.Text;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Processes;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Shell;

/// <summary>One real PowerShell for all tests of a class. It runs scripts one after the other, each in its own scope.</summary>
/// <remarks>
/// Every script begins without a current cluster. A class leaves its shell to the next one, because a shell takes seconds of processor time
/// to start and to compile what it runs.
/// </remarks>
public sealed class CmdletShell : IAsyncLifetime
{
    /// <summary>Measures an application that writes; the line is <c>0 0 True</c> if all its operations succeeded.</summary>
    internal const string MeasureClient = "Measure-RedisClusterClient -Write -Duration 400ms -Interval 400ms | "
        + "ForEach-Object { \"$($_.Errors) $($_.LostWrites) $($_.Operations -gt 0) $($_.Trouble)\".Trim() }";

    private static readonly Lazy<Task<PowerShellProgram>> Program = new(() => PowerShellProgram.FindToolAsync());

    private static readonly ConcurrentBag<RunningShell> Idle = [];

    private readonly SemaphoreSlim _turn = new(1);
    private RunningShell _shell = null!;
    private bool _isBusy;

    static CmdletShell() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        while (Idle.TryTake(out var shell))
            shell.Dispose();
    };

    public async ValueTask InitializeAsync() => _shell = Idle.TryTake(out var idle) ? idle : await RunningShell.StartAsync();

    public ValueTask DisposeAsync()
    {
        // A script that did not end, as after a failure of the shell, may still run in it.
        if (_isBusy)
            _shell?.Dispose();
        else if (_shell is not null)
            Idle.Add(_shell);
        _turn.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Runs a script with the module imported, and waits until it ends.</summary>
    internal async Task<CmdletRun> RunAsync(string script)
    {
        await _turn.WaitAsync();
        try
        {
            _isBusy = true;
            var run = await _shell.RunAsync(script);
            _isBusy = false;
            return run;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Stops the running script as Ctrl+C does; its run ends with the state Stopped.</summary>
    internal Task StopAsync() => _shell.RequestAsync("stop");

    /// <summary>Connects as these options say and runs a script on that cluster.</summary>
    internal Task<CmdletRun> RunAsync(NodeEndpoint endpoint, ConnectionOptions options, string script) =>
        RunAsync("$null = " + Connect(endpoint.ToString(), options) + "\n" + script);

    /// <summary>How to start a PowerShell process with these arguments.</summary>
    internal static async Task<ProcessStartInfo> StartOfAsync(params string[] arguments)
    {
        var start = (await Program.Value).Start(["-NoProfile", "-NonInteractive", .. arguments]);
        start.WorkingDirectory = AppContext.BaseDirectory;
        start.Environment["NO_COLOR"] = "1";
        return start;
    }

    /// <summary>Starts a PowerShell that imports the module, runs the script and exits.</summary>
    internal static async Task<ChildProcess> StartAsync(string script) =>
        ChildProcess.Start(await StartOfAsync("-Command", "Import-Module '" + RepositoryFiles.Module + "'; " + script));

    /// <summary>The command line that connects as these options say.</summary>
    internal static string Connect(string endpoint, ConnectionOptions options)
    {
        var line = "Connect-RedisCluster " + Quoted(endpoint);
        if (options.Password is { } password)
            line += " -Credential ([pscredential]::new(" + Quoted(options.User ?? "default") + ", " + Secure(password) + "))";
        if (options.Tls is not { } tls)
            return line;
        line += " -UseTls" + File("-CaCertificatePath", tls.CaCertificatePath)
            + File("-CertificatePath", tls.CertificatePath) + File("-CertificateKeyPath", tls.CertificateKeyPath);
        return tls.CertificatePassword is { } secret ? line + " -CertificatePassword " + Secure(secret) : line;

        static string File(string parameter, string? path) => path is null ? string.Empty : " " + parameter + " " + Quoted(path);
        static string Secure(string text) => "(ConvertTo-SecureString -AsPlainText -Force " + Quoted(text) + ")";
    }

    /// <summary>The text as a PowerShell literal.</summary>
    internal static string Quoted(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";

    /// <summary>The process of a shell, and the pipe that it reads scripts from.</summary>
    private sealed class RunningShell : IDisposable
    {
        private readonly string _mark = Guid.NewGuid().ToString("N") + ":";
        private NamedPipeServerStream _pipe = null!;
        private StreamWriter _requests = null!;
        private ChildProcess _process = null!;

        public static async Task<RunningShell> StartAsync()
        {
            var shell = new RunningShell();
            var name = "redisclusterops-" + Guid.NewGuid().ToString("N");
            shell._pipe = new NamedPipeServerStream(name, PipeDirection.Out, 1, PipeTransmissionMode.Byte, PipeOptions.Asynchronous);
            var script = Path.Combine(AppContext.BaseDirectory, "Shell", "CmdletShell.ps1");
            shell._process = ChildProcess.Start(
                await StartOfAsync("-File", script, "-Module", RepositoryFiles.Module, "-PipeName", name, "-Mark", shell._mark));
            using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
            await shell._pipe.WaitForConnectionAsync(patience.Token);
            shell._requests = new StreamWriter(shell._pipe) { AutoFlush = true };
            return shell;
        }

        public Task RequestAsync(string line) => _requests.WriteLineAsync(line);

        public async Task<CmdletRun> RunAsync(string script)
        {
            await RequestAsync(JsonSerializer.Serialize(script));
            var screen = new StringBuilder();
            while (true)
            {
                var line = await _process.ReadLineAsync();
                if (line.StartsWith(_mark, StringComparison.Ordinal))
                    return JsonSerializer.Deserialize<CmdletRun>(line[_mark.Length..])! with { Screen = screen.ToString() };
                screen.Append(line).Append('\n');
            }
        }

        public void Dispose()
        {
            _process.Dispose();
            _pipe.Dispose();
        }
    }
}
