using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Processes;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Cluster.Tests.Comparison;

/// <summary>
/// Runs the servers' own tool: <c>redis-cli --cluster fix</c>, or the same of valkey-cli, from the package of the server.
/// </summary>
internal static class FixTool
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <param name="input">The text for standard input.</param>
    /// <param name="command">The command of the tool, by default <c>fix</c>.</param>
    public static async Task<(int ExitCode, string Output)> RunAsync(
        string server, LocalNode entry, IReadOnlyList<string> arguments, string input, (
            string Name, string Password)? user = null, string command = "fix")
    {
        var home = Servers.Get(server);
        var program = Path.Combine(Path.GetDirectoryName(home.Path)!, home.Kind == ServerEngine.Valkey ? "valkey-cli" : "redis-cli");
        string[] login = user is var (name, password) ? ["--user", name, "--pass", password, "--no-auth-warning"] : [];
        var start = new ProcessStartInfo(program, [.. login, "--cluster", command, entry.Endpoint.ToString(), .. arguments]);
        var end = await ChildProcess.RunAsync(start, input, Patience);
        return (end.ExitCode, end.Output + end.Errors);
    }
}
