using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>For each finding a cluster that has it.</summary>
internal static class HealthScenes
{
    public const string S = "10.0.0.19:6379";
    public const string T = "10.0.0.20:6379";
    public const string X = "10.0.0.24:6379";
    public const string R = "10.0.0.18:6379";

    /// <summary>For each code a cluster that has it; one that is missing here fails <see cref="AdviceTests"/>.</summary>
    public static Dictionary<FindingCode, Func<RedisClusterHealth>> Scenes { get; } = new()
    {
        [FindingCode.NodeUnreachable] = () => ClusterScene.Stable().In("T", RedisNodeState.Unreachable, "connection refused").Check(),
        [FindingCode.NodeFail] = () => ClusterScene.Stable().Down("X").Check(),
        [FindingCode.NodePFail] = () => ClusterScene.Stable().In("T", RedisNodeState.PFail).Check(),
        [FindingCode.NodeHandshake] = () => ClusterScene.Stable().In("T", RedisNodeState.Handshake, "it was not asked").Check(),
        [FindingCode.NodeNoAddress] = () => ClusterScene.Stable().In("T", RedisNodeState.NoAddress, "no node knows its address").Check(),
        [FindingCode.SlotUncovered] = () => ClusterScene.Stable().BelievedToOwn("X", "8200-16383").Check(),
        [FindingCode.SlotOpen] = () => ClusterScene.Wedged().Check(),
        [FindingCode.SlotOwnerConflict] = () => ClusterScene.Stable().Believes("X", "T", "5519").Check(),
        [FindingCode.EpochCollision] = () => ClusterScene.Stable().Master("U", epoch: 2).Check(),
        [FindingCode.StrayKeys] = () => ClusterScene.Stable().Check(0, ("X", "10-12,5519")),
        [FindingCode.ReplicaLinkDown] = () => WithReplica("master_link_status:down").Check(),
        [FindingCode.ReplicaLag] = () => WithReplica("master_link_status:up\nslave_repl_offset:1").Check(),
        [FindingCode.TooFewReplicas] = () => WithReplica("master_link_status:up").Check(minimumReplica: 1),
        [FindingCode.ClusterStateFail] = () => ClusterScene.Stable().Reports("X", clusterInfo: "cluster_state:fail").Check(),
        [FindingCode.MemoryPressure] = () => ClusterScene.Stable()
            .Reports("S", "redis_version:7.0.15\nused_memory:85\nmaxmemory:100")
            .Check(),
        [FindingCode.CpuPressure] = () => ClusterScene.Stable().Reports("S", cpu: 97.4).Check(),
        [FindingCode.MixedVersions] = () => ClusterScene.Stable().Reports("T", "redis_version:8.6.0").Check(),
        [FindingCode.AtomicMigrationRunning] = () => ClusterScene.Stable().Task("T", Moving()).Check(),
        [FindingCode.NodeBusy] = () => Refusing(
            FailureCode.NodeBusy, "BUSY Redis is busy running a script. You can only call SCRIPT KILL").Check(),
        [FindingCode.NodeLoading] = () => Refusing(FailureCode.NodeLoading, "LOADING Redis is loading the dataset in memory").Check(),
        [FindingCode.AuthenticationFailed] = () => Refusing(FailureCode.AuthenticationFailed, "NOAUTH Authentication required.").Check(),
        [FindingCode.TooManyClients] = () => Refusing(FailureCode.TooManyClients, "ERR max number of clients reached").Check(),
        [FindingCode.NodeNotKnownToAll] = () => ClusterScene.Stable().Forgot("X", "T").Check(),
        [FindingCode.AddressConflict] = () => ClusterScene.Stable().ListsAt("X", "T", "10.0.9.9").Check(),
        [FindingCode.IdReplaced] = () =>
            ClusterScene.Stable().Master("T2", epoch: 0).In("T2", RedisNodeState.Unreachable, "no node with this id answered").Check(),
        [FindingCode.ReplicaFlags] = () => FlaggedReplica().Check(),
        [FindingCode.ReplicaOnMasterHost] = () => OnHosts("10.0.0.19", "10.0.0.24"),
        [FindingCode.NodeRefused] = () => Refusing(FailureCode.PermissionDenied, "NOPERM this user has no permissions").Check(),
    };

    // A master S with a replica, both on one host, and two masters on another.
    public static RedisClusterHealth OnHosts(string one, string other)
    {
        var session = RedisClusterSession.Parse("10.0.0.1:6379");
        var view = WithReplica("master_link_status:up").View();
        var nodes = NodeReport.Nodes(view, session).Select(node => node with { Host = node.Endpoint is S or R ? one : other }).ToList();
        return HealthCheck.Check(view, nodes, [], null, new HealthOptions(), session);
    }

    public static ClusterScene FlaggedReplica() => ClusterScene.Stable().Replica("R", of: "S").Migrating("R", "T")
        .Reports("R", "server_name:valkey\nvalkey_version:9.1.2\nmaster_link_status:up");

    public static ClusterScene Refusing(FailureCode code, string error) =>
        ClusterScene.Stable().Refuses("S", code, error, ServerErrors.NextOf(code, new NodeEndpoint("10.0.0.19", 6379), error));

    public static AtomicTask Moving() =>
        new(SlotSet.From([ClusterScene.Slot]), ClusterScene.Id("S"), ClusterScene.Id("T"), "streaming-buffer");

    public static ClusterScene WithReplica(string replica) => ClusterScene.Stable().Replica("R", of: "S")
        .Reports("S", "redis_version:7.0.15\nmaster_repl_offset:20971521").Reports("R", "redis_version:7.0.15\n" + replica);

    /// <summary>The one finding of the code's own scene.</summary>
    public static RedisClusterFinding Only(FindingCode code, FindingSeverity severity, string target)
    {
        var health = Scenes[code]();
        Assert.Equal([code], health.Findings.Select(finding => finding.Code));
        return Of(health, code, severity, target);
    }

    public static RedisClusterFinding Of(RedisClusterHealth health, FindingCode code, FindingSeverity severity, string target)
    {
        var finding = Assert.Single(health.Findings, finding => finding.Code == code);
        Assert.Equal((severity, target), (finding.Severity, finding.Target));
        Assert.NotEmpty(finding.Message);
        ExportedCmdlets.AssertBegins(NextActionText.Of(finding.Next!), code.ToString());
        return finding;
    }
}
