using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>The verdict of the servers' own tool: <c>redis-cli --cluster check</c>, or valkey-cli's.</summary>
internal static class ClusterCheck
{
    public static async Task<(int ExitCode, string Output)> RunAsync(string server, LocalNode node)
    {
        // Garnet comes without a tool of its own.
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
