using System.Linq;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>Proves that no node was written to: by the servers' command counts, and by MONITOR if the server has it.</summary>
internal sealed class WriteWatch
{
    // Redis counts a query for running migrations and a command that starts one under the same name.
    private const string MigrationTasks = " cluster|migration ";

    private readonly TestCluster _cluster;
    private readonly CommandCounts _before;
    private readonly string _tasks;
    private readonly MonitorTap? _tap;

    private WriteWatch(TestCluster cluster, CommandCounts before, string tasks, MonitorTap? tap) =>
        (_cluster, _before, _tasks, _tap) = (cluster, before, tasks, tap);

    public static async Task<WriteWatch> StartAsync(TestCluster cluster)
    {
        var tap = cluster.IsGarnet ? null : await MonitorTap.StartAsync(cluster);
        var tasks = await TasksAsync(cluster);
        return new WriteWatch(cluster, await CommandCounts.ReadAsync(cluster.Nodes), tasks, tap);
    }

    /// <summary>Asserts that no node was written to since the start, and ends the watch.</summary>
    public async Task AssertNothingWrittenAsync()
    {
        var writes = (await CommandCounts.ReadAsync(_cluster.Nodes)).WritesSince(_before);
        Assert.DoesNotContain(writes, write => !write.Contains(MigrationTasks));
        Assert.Equal(_tasks, await TasksAsync(_cluster));
        if (_tap is null)
            return;
        string[] harmless =
        [
            "ping", "info", "dbsize", "select", "config", "cluster", "client",
            "hello", "auth", "replconf", "psync", "memory", "acl", "function",
        ];
        Assert.DoesNotContain(await _tap.SeenAsync(), command => !harmless.Contains(command.Name));
        await _tap.DisposeAsync();
    }

    // The ids of all migrations that a server ever started. A server without them replies with an error.
    private static async Task<string> TasksAsync(TestCluster cluster)
    {
        var replies = await Task.WhenAll(cluster.Nodes.Select(node => node.AskAsync("CLUSTER", "MIGRATION", "STATUS", "ALL")));
        return string.Join(" ", replies.SelectMany(reply => reply.IsError ? [] : reply.Items.Select(task => task.Items[1].Text)).Order());
    }
}
