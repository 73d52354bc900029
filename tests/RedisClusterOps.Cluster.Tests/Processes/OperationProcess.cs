using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Shell;
using RedisClusterOps.Driver;

namespace RedisClusterOps.Cluster.Tests.Processes;

/// <summary>The program that runs an operation.</summary>
public enum Host
{
    /// <summary>The driver, on the core alone.</summary>
    Driver,

    /// <summary>A real PowerShell with the cmdlet.</summary>
    PowerShell,
}

/// <summary>An operation in a process of its own, which a test can kill, freeze or interrupt.</summary>
internal sealed class OperationProcess : ChildProcess
{
    private OperationProcess(ProcessStartInfo start)
        : base(start, string.Empty)
    {
    }

    /// <summary>Starts the operation. Returns when the runtime and the module are loaded and the operation begins.</summary>
    /// <param name="home">The folder of the journal and the locks, as on a machine of its own; null for that of the test.</param>
    public static async Task<OperationProcess> StartAsync(DriverRequest request, Host host = Host.Driver, string? home = null)
    {
        var driver = Path.ChangeExtension(typeof(DriverRequest).Assembly.Location, "dll");
        var start = host == Host.Driver
            ? new ProcessStartInfo("dotnet", [driver, JsonSerializer.Serialize(request)])
            : await CmdletShell.StartOfAsync("-Command", CmdletScript.Of(request));
        if (home is not null)
            start.Environment["REDISCLUSTEROPS_JOURNAL"] = home;
        var process = new OperationProcess(start);
        while (await process.ReadLineAsync() != DriverRequest.Ready)
        {
        }

        return process;
    }

    /// <summary>Runs the operation to its end.</summary>
    public static async Task<OperationEnd> RunAsync(DriverRequest request, Host host = Host.Driver, TimeSpan? within = null)
    {
        using var process = await StartAsync(request, host);
        return await process.EndAsync(within);
    }

    /// <summary>Waits for the process to exit.</summary>
    /// <exception cref="TimeoutException">The process did not exit within the time, by default three minutes. It was killed.</exception>
    public new async Task<OperationEnd> EndAsync(TimeSpan? within = null) => new(await base.EndAsync(within));
}

/// <summary>The results and messages of an operation whose process has exited.</summary>
internal sealed class OperationEnd(ProcessEnd end)
{
    public int ExitCode => end.ExitCode;

    /// <summary>The results, in the order in which they were written. Only SIGKILL can cut a line short.</summary>
    public IReadOnlyList<DriverResult> Results { get; } =
        [.. end.Output.Split('\n').Where(line => line.EndsWith('}')).Select(line => JsonSerializer.Deserialize<DriverResult>(line)!)];

    /// <summary>Failures and notices, in the order in which they were written.</summary>
    public IReadOnlyList<DriverMessage> Messages { get; } =
        [.. end.Errors.Split('\n').Where(line => line.StartsWith('{')).Select(line => JsonSerializer.Deserialize<DriverMessage>(line)!)];

    public IReadOnlyList<DriverMessage> Failures => [.. Messages.Where(message => message.Code is not null)];

    public string FirstFailure => Failures is [var first, ..] ? first.Code + ": " + first.Text : "no failure";

    public void AssertExited(int exitCode) => end.AssertExited(exitCode);
}
