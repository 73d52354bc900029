using System;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Driver;

/// <summary>
/// One operation of the core in a process of its own, so that a test can kill, freeze or interrupt it. Exit status 0: done;
/// 1: a slot failed, or the operation was stopped; 2: it could not be planned.
/// </summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        using var stop = new CancellationTokenSource();
        // Ctrl+C asks a cmdlet to stop as well: the batch in progress is finished.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            stop.Cancel();
        });
        var request = JsonSerializer.Deserialize<DriverRequest>(arguments[0])!;
        using var log = new OperationLog();
        var session = RedisClusterSession.Parse(request.Cluster);
        using var redis = new RedisCluster(session, DyingConnector.Of(new NodeConnector(session.Options), request.Death), log);
        Console.Out.WriteLine(DriverRequest.Ready);
        var run = new OperationRun(request, redis, log, stop.Token);
        try
        {
            return await run.RunAsync();
        }
        catch (RedisOperationException failure)
        {
            run.Write(failure);
            return 2;
        }
        finally
        {
            run.WriteNotices();
        }
    }
}
