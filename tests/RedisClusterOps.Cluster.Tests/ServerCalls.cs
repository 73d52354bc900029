using System.Globalization;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>Calls of a command that a server has counted.</summary>
internal static class ServerCalls
{
    /// <summary>Waits until the server has counted this number of further calls, without those of this method.</summary>
    /// <param name="command">As INFO commandstats names it, such as <c>cluster|nodes</c>.</param>
    public static async Task UntilAsync(LocalNode node, string command, int more)
    {
        var own = 0;
        var first = await CountAsync(node, command);
        await KillScene.UntilAsync(async () => await CountAsync(node, command) - first - (command == "info" ? ++own : 0) >= more);
    }

    private static async Task<long> CountAsync(LocalNode node, string command)
    {
        var calls = Regex.Match((await node.SendAsync("INFO", "commandstats")).Text, "cmdstat_" + Regex.Escape(command) + ":calls=(\\d+)");
        return calls.Success ? long.Parse(calls.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
    }
}
