using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Diagnosis;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>Which findings are alerts, from when on, and since when.</summary>
public class AlertCheckTests
{
    private static readonly DateTime Now = new(2026, 1, 1, 12, 0, 0, DateTimeKind.Utc);

    /// <summary>For each code a cluster that has it.</summary>
    private static readonly Dictionary<AlertCode, Func<ClusterScene>> Scenes = new()
    {
        [AlertCode.SlotStuck] = ClusterScene.Wedged,
        [AlertCode.SlotUncovered] = () => ClusterScene.Stable().BelievedToOwn("X", "8200-16383"),
        [AlertCode.SlotOwnerConflict] = () => ClusterScene.Stable().Believes("X", "T", "5519"),
        [AlertCode.ClusterStateFail] = () => ClusterScene.Stable().Reports("X", clusterInfo: "cluster_state:fail"),
        [AlertCode.NodeFail] = () => ClusterScene.Stable().Down("T"),
        [AlertCode.NodePFail] = () => ClusterScene.Stable().In("T", RedisNodeState.PFail),
        [AlertCode.NodeHandshake] = () => ClusterScene.Stable().In("T", RedisNodeState.Handshake, "it was not asked"),
        [AlertCode.NodeUnreachable] = () => ClusterScene.Stable().In("T", RedisNodeState.Unreachable, "connection refused"),
        [AlertCode.ReplicaLinkDown] = () => Replica("master_link_status:down\nmaster_link_down_since_seconds:90"),
        [AlertCode.ReplicaLag] = () => Replica("master_link_status:up\nslave_repl_offset:1"),
        [AlertCode.MemoryPressure] = () => ClusterScene.Stable().Reports("S", "redis_version:7.0.15\nused_memory:85\nmaxmemory:100"),
        [AlertCode.NodeBusy] = () => HealthScenes.Refusing(
            FailureCode.NodeBusy, "BUSY Redis is busy running a script. You can only call SCRIPT KILL"),
        [AlertCode.NodeLoading] = () => HealthScenes.Refusing(
            FailureCode.NodeLoading, "LOADING Redis is loading the dataset in memory"),
        [AlertCode.AuthenticationFailed] = () => HealthScenes.Refusing(
            FailureCode.AuthenticationFailed, "NOAUTH Authentication required."),
        [AlertCode.TooManyClients] = () => HealthScenes.Refusing(FailureCode.TooManyClients, "ERR max number of clients reached"),
        [AlertCode.NodeRefused] = () => HealthScenes.Refusing(FailureCode.PermissionDenied, "NOPERM this user has no permissions"),
        [AlertCode.ClientsRedirected] = () =>
            ClusterScene.Stable().Reports("S", "redis_version:7.0.15\ntotal_error_replies:9000\nerrorstat_MOVED:count=9000"),
    };

    // A slot of unknown age is no finding of a check: OpenSlotGroupTests has it.
    public static TheoryData<AlertCode> Codes => [.. Enum.GetValues<AlertCode>().Where(code => code != AlertCode.SlotOpen)];

    [Theory]
    [MemberData(nameof(Codes))]
    public void Every_code_has_a_cluster_that_raises_it_with_what_clients_see_and_what_to_run(AlertCode code)
    {
        IReadOnlyList<Observation> earlier = code == AlertCode.ClientsRedirected ? NoneRedirected(Now.AddMinutes(-5)) : [];
        var (alerts, observations) = Look(Scenes[code](), earlier, Now);
        if (code is AlertCode.SlotStuck or AlertCode.SlotOwnerConflict)
        {
            // These have to last.
            Assert.DoesNotContain(alerts, alert => alert.Code == code);
            (alerts, _) = Look(Scenes[code](), observations, Now.AddHours(2).AddMinutes(3));
        }

        var alert = Assert.Single(alerts, alert => alert.Code == code);
        ExportedCmdlets.AssertBegins(NextActionText.Of(alert.Next!), code.ToString());
        Assert.NotEmpty(alert.Target);
        Assert.NotEqual(FindingSeverity.Information, alert.Severity);
        Assert.Equal(DateTimeKind.Utc, alert.Since.Kind);
        if (code is AlertCode.SlotStuck or AlertCode.SlotOwnerConflict)
            Assert.Contains("or at least 2 h 3 min", alert.Message);
    }

    [Fact]
    public void A_healthy_cluster_raises_none_and_leaves_no_observation()
    {
        var (alerts, observations) = Look(ClusterScene.Stable(), [], Now);
        Assert.Empty(alerts);
        Assert.Empty(observations);
    }

    [Fact]
    public void The_time_of_uncovered_slots_continues_when_there_are_more()
    {
        var (_, observations) = Look(ClusterScene.Stable().BelievedToOwn("X", "8200-16383"), [], Now);
        var alert = Assert.Single(Look(ClusterScene.Stable().BelievedToOwn("X", "8300-16383"), observations, Now.AddMinutes(5)).Alerts);
        Assert.Equal(("8192-8299", Now), (alert.Target, alert.Since));
        Assert.EndsWith("For at least 5 min.", alert.Message);
    }

    [Fact]
    public void A_problem_that_returns_has_a_new_time()
    {
        var (_, observations) = Look(Scenes[AlertCode.MemoryPressure](), [], Now);
        (_, observations) = Look(ClusterScene.Stable(), observations, Now.AddMinutes(5));
        var alert = Assert.Single(Look(Scenes[AlertCode.MemoryPressure](), observations, Now.AddMinutes(10)).Alerts);
        Assert.Equal(Now.AddMinutes(10), alert.Since);
    }

    [Fact]
    public void A_replica_reports_how_long_its_link_is_down()
    {
        var alert = Assert.Single(Look(Scenes[AlertCode.ReplicaLinkDown](), [], Now).Alerts);
        Assert.Equal((Now.AddSeconds(-90), true), (alert.Since, alert.IsSinceExact));
        Assert.EndsWith("For 1 min.", alert.Message);
    }

    [Fact]
    public void A_handover_that_some_nodes_do_not_know_yet_is_no_conflict()
    {
        var scene = Scenes[AlertCode.SlotOwnerConflict];
        var (alerts, observations) = Look(scene(), [], Now);
        Assert.Empty(alerts);
        Assert.Empty(Look(scene(), observations, Now.AddSeconds(59)).Alerts);
        Assert.Equal(AlertCode.SlotOwnerConflict, Assert.Single(Look(scene(), observations, Now.AddSeconds(61)).Alerts).Code);
    }

    // What a check left that found no MOVED reply on any master.
    private static List<Observation> NoneRedirected(DateTime then) =>
    [
        .. Scenes[AlertCode.ClientsRedirected]().View().Nodes
            .Select(node => new Observation(Observation.MovedReplies, node.Id, then, then) { Count = 0 }),
    ];

    internal static (IReadOnlyList<RedisClusterAlert> Alerts, IReadOnlyList<Observation> Observations) Look(
        ClusterScene scene, IReadOnlyList<Observation> before, DateTime now) =>
        AlertCheck.Check(scene.View(), scene.Check(), before, now, TimeSpan.FromMinutes(30));

    private static ClusterScene Replica(string replica) => ClusterScene.Stable().Replica("R", of: "S")
        .Reports("S", "redis_version:7.0.15\nmaster_repl_offset:20971521").Reports("R", "redis_version:7.0.15\n" + replica);
}
