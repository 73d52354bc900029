using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>Runs the servers' own check: <c>redis-cli --cluster check</c>, or the same of valkey-cli.</summary>
internal static class ClusterCheck
{
    public static async Task<(int ExitCode, string Output)> RunAsync(string server, LocalNode node)
    {
        // Garnet has no tool of its own.
        var home = Servers.Get(server == Servers.Garnet ? Servers.Redis70 : server);
        var program = Path.Combine(Path.GetDirectoryName(home.Path)!, home.Kind == ServerEngine.Valkey ? "valkey-cli" : "redis-cli");
        var start = new ProcessStartInfo(program, ["--cluster", "check", node.Endpoint.ToString()])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output + await errors);
    }
}
