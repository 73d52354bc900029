using System;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Preflight;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning.Preflight;

/// <summary>
/// MIGRATE speaks TLS where its node has tls-cluster yes, whatever we speak, and has to dial a port of the target that does as well.
/// </summary>
public sealed class MigrateTlsTests
{
    private static readonly RedisClusterSession Session = RedisClusterSession.Parse("10.0.0.1:6379");

    // The port of CLUSTER NODES is 6379.
    [Theory]
    [InlineData(false, false, 6379, 0, "")]
    [InlineData(true, true, 0, 6379, "")]
    [InlineData(true, true, 6379, 6380, "refused")]
    [InlineData(false, false, 6378, 6379, "refused")]
    [InlineData(true, false, 0, 6379, "TlsMismatch Error")]
    [InlineData(false, true, 6379, 0, "TlsMismatch Error")]
    [InlineData(true, false, 6379, 6380, "refused")]
    [InlineData(true, true, 7000, 7001, "")]
    [InlineData(true, true, 7000, 0, "refused")]
    [InlineData(false, false, 0, 7001, "refused")]
    [InlineData(null, true, 6379, 6380, "")]
    public void MIGRATE_must_connect_to_a_port_with_its_protocol(bool? source, bool? target, int plain, int tls, string expected) =>
        Assert.Equal(
        expected, Findings(Facts(ClusterScene.Stable().Migrates("S", source, null).Migrates("T", target, null))
            with { TargetSettings = new NodeSettings { PlainPort = plain, TlsPort = tls } }));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void MIGRATE_connects_to_the_port_that_the_source_knows(bool tls)
    {
        var facts = Facts(ClusterScene.Stable().Migrates("S", tls, ("S", 7000), ("T", 7001)).Migrates("T", tls, ("S", 7000), ("T", 7001)));
        var move = Assert.IsType<MoveKeys>(Assert.Single(facts.Actions));
        Assert.Equal(7001, move.Migrate.Target.Port);
        Assert.StartsWith("MIGRATE " + facts.Target.Announced!.Value.Host + " 7001 ", move.Commands.Single().Command);
        Assert.Equal("", Findings(facts));
    }

    [Theory]
    [InlineData(true, "speaks TLS", "tls-port")]
    [InlineData(false, "speaks no TLS", "port")]
    public void A_target_without_such_a_port_is_refused_before_any_change(bool tls, string says, string setting)
    {
        var facts = Facts(ClusterScene.Stable().Migrates("S", tls, ("S", 7000)).Migrates("T", tls, ("S", 7000)));
        var refusal = PreflightRules.Judge(facts).Refusal!;
        Assert.Equal((FailureCode.TlsMismatch, facts.Target.Name, "CONFIG SET " + setting + " <port> on " + facts.Target.Name),
            (refusal.Code, refusal.Subject, refusal.NextStep()));
        Assert.Contains("by no port that " + says, refusal.Message);
        Assert.Contains("Nothing was changed", refusal.Message);
        Assert.Null(PreflightRules.Judge(facts with { IsAtomic = true }).Refusal);
        Assert.Null(PreflightRules.Judge(facts with { Actions = [((MoveKeys)facts.Actions[0]) with { Keys = 0 }] }).Refusal);
    }

    [Fact]
    public void A_source_that_does_not_report_ports_is_refused_with_the_missing_right()
    {
        var facts = Facts(ClusterScene.Stable().Migrates("S", true).Migrates("T", true));
        var refusal = PreflightRules.Judge(facts).Refusal!;
        Assert.Equal((FailureCode.TlsMismatch, facts.Source.Name), (refusal.Code, refusal.Subject));
        Assert.Contains("+cluster|shards", refusal.NextStep());
    }

    [Theory]
    [InlineData(16379, null, "redis_version:7.0.15", "")]
    [InlineData(16380, null, "redis_version:7.0.15", "TlsMismatch Warning")]
    [InlineData(16380, null, "", "TlsMismatch Warning")]
    [InlineData(16380, false, "redis_version:7.0.15", "")]
    [InlineData(0, null, "redis_version:7.0.15", "")]
    public void An_unusual_bus_port_is_a_warning_if_the_protocol_of_the_source_is_unknown(int bus, bool? tls, string info, string expected)
    {
        var facts = Facts(ClusterScene.Stable().Engine("S", info).Migrates("S", tls, null));
        var view = new NodeView(facts.Source.View!.Dialled,
            [.. facts.Source.View.Lines.Select(line => line with { BusPort = bus })]) { Facts = facts.Source.View.Facts, TlsCluster = tls };
        Assert.Equal(expected,
            Findings(facts with { Actions = [((MoveKeys)facts.Actions[0]) with { Source = facts.Source with { View = view } }] }));
    }

    [Theory]
    [InlineData("tls-cluster yes", true)]
    [InlineData("tls-cluster no", false)]
    [InlineData("tls-cluster perhaps", null)]
    public void CONFIG_reports_the_protocol_of_MIGRATE(string reply, bool? expected) =>
        Assert.Equal(expected, NodeReader.MigrateUsesTls(RespValue.Array([.. reply.Split(' ').Select(RespValue.Bulk)]), ServerFacts.None));

    [Fact]
    public void A_server_without_TLS_and_Garnet_have_no_such_setting()
    {
        Assert.False(NodeReader.MigrateUsesTls(RespValue.Array([]), ServerFacts.Parse("redis_version:7.0.15")));
        Assert.Null(NodeReader.MigrateUsesTls(RespValue.Array([]), ServerFacts.None));
        Assert.Null(NodeReader.MigrateUsesTls(RespValue.Error("NOPERM"), ServerFacts.Parse("redis_version:7.0.15")));
    }

    [Fact]
    public void Ports_are_read_from_CLUSTER_SHARDS_and_nodes_without_one_are_left_out()
    {
        RespValue Node(string id, params (string Name, long Port)[] ports) => RespValue.Array(
            [RespValue.Bulk("id"), RespValue.Bulk(id),
                .. ports.SelectMany(port => new[] { RespValue.Bulk(port.Name), RespValue.Number(port.Port) }), RespValue.Bulk("ip"),
                    RespValue.Bulk("10.0.0.1")]);
        RespValue Shard(params RespValue[] nodes) =>
            RespValue.Array([RespValue.Bulk("slots"), RespValue.Array([]), RespValue.Bulk("nodes"), RespValue.Array(nodes)]);
        var shards = RespValue.Array([Shard(Node("a", ("port", 1), ("tls-port", 2)), Node("b", ("tls-port", 3))),
            Shard(Node("c", ("port", 4))), Shard(Node("d", ("port", 99999), ("tls-port", 0)))]);
        Assert.Equal(["a 2", "b 3"], ClusterShards.Ports(shards, tls: true).Select(port => port.Key + " " + port.Value).Order());
        Assert.Equal(["a 1", "c 4"], ClusterShards.Ports(shards, tls: false).Select(port => port.Key + " " + port.Value).Order());
        Assert.Empty(ClusterShards.Ports(RespValue.Error("ERR unknown command"), tls: true));
        Assert.Empty(ClusterShards.Ports(RespValue.Bulk("nonsense"), tls: true));
    }

    private static string Findings(PreflightFacts facts)
    {
        var result = PreflightRules.Judge(facts);
        return result.Refusal is not null ? "refused"
            : string.Join(", ", result.Findings.Select(finding => finding.Code + " " + finding.Severity));
    }

    private static PreflightFacts Facts(ClusterScene scene)
    {
        var view = scene.View();
        var (source, target) = (view.Node(ClusterScene.Id("S"))!, view.Node(ClusterScene.Id("T"))!);
        var request = MigrateCommand.From(Session, new MoveOptions { Timeout = TimeSpan.FromMinutes(10) }, source, target);
        return new PreflightFacts(view, ClusterScene.Slot, source, target, [new MoveKeys(ClusterScene.Slot, source, target, request, 100)]);
    }
}
