using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Core.Tests.Journal;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>A key named twice is one key: names are compared as the bytes that the servers see.</summary>
public sealed class DuplicateKeyTests
{
    private static readonly string[] Lines =
    [
        TestJournal.NodeA + " 10.0.0.1:6379@16379 master - 0 0 1 connected 0-16383 [15495->-" + TestJournal.NodeB + "]",
        TestJournal.NodeB + " 10.0.0.2:6379@16379 master - 0 0 2 connected [15495-<-" + TestJournal.NodeA + "]",
    ];

    [Theory]
    [InlineData(null, new[] { "{a}1", "{a}1" }, new[] { "{a}1" })]
    [InlineData(null, new[] { "{a}1", "{a}2", "{a}1", "{a}2" }, new[] { "{a}1", "{a}2" })]
    [InlineData(2, new[] { "{a}1", "{a}1", "{a}2", "{a}3" }, new[] { "{a}1", "{a}2" })]
    [InlineData(null, new[] { "{a}É", "{a}E\u0301", "{a}é" }, new[] { "{a}É", "{a}E\u0301", "{a}é" })]
    public async Task Each_key_is_planned_once(int? first, string[] named, string[] planned)
    {
        using var cluster = Cluster();
        var plan = await cluster.PlanKeyMoveAsync(15495, null, null, first, named, new MoveOptions(), default);
        Assert.Equal(planned, plan.Keys!.Select(System.Text.Encoding.UTF8.GetString));
        Assert.Contains(plan.Commands, command =>
            command.Command.Contains("KEYS <" + planned.Length + (planned.Length == 1 ? " key," : " keys,"),
                System.StringComparison.Ordinal));
    }

    private static RedisCluster Cluster()
    {
        var nodes = new ScriptedNodes().Node("10.0.0.1:6379", command => Answer(command, 0)).Node("10.0.0.2:6379", command =>
            Answer(command, 1));
        return new RedisCluster(RedisClusterSession.Parse("10.0.0.1:6379"), nodes, null) { KeepsJournal = false, LooksAhead = false };
    }

    private static RespValue Answer(RespCommand command, int self) => command.ToString() switch
    {
        "CLUSTER NODES" => RespValue.Bulk(string.Join('\n',
            Lines.Select((line, i) => i == self ? line.Replace(" master", " myself,master") : line)) + "\n"),
        "CLUSTER INFO" => RespValue.Bulk("cluster_state:ok\r\n"),
        "INFO" => RespValue.Bulk("redis_version:7.0.15\r\n"),
        "DBSIZE" => RespValue.Number(3),
        "CLUSTER COUNTKEYSINSLOT 15495" => RespValue.Number(3),
        _ => RespValue.Error("ERR unknown command"),
    };
}
