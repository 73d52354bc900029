using System.Linq;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Adds empty nodes to a cluster, as masters without slots or as replicas, and waits until every node reports them. A node that the cluster
/// knows at another address is met again at its present one.
/// </summary>
[Cmdlet(VerbsCommon.Add, "RedisClusterNode", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RedisClusterNode))]
public sealed class AddRedisClusterNodeCommand : NodeChangeCmdlet
{
    /// <summary>Specifies the addresses of the nodes, <c>host:port</c>, as the nodes of the cluster reach them.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string[] Endpoint { get; set; } = [];

    /// <summary>
    /// Specifies the master that the nodes become replicas of: node id, unique id prefix, <c>host:port</c> or port. By default, they become
    /// masters without slots.
    /// </summary>
    [Parameter(Position = 1)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? ReplicaOf { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        foreach (var endpoint in Endpoint.SelectMany(text => RedisClusterSession.Parse(text).Seeds))
            Change(cluster, cluster.PlanAddAsync(endpoint, ReplicaOf, FilePath(JournalPath), Stop), endpoint.ToString());
    }

    internal override void Write(RedisCluster cluster, MembershipPlan plan, RedisNodeChange change)
    {
        if (change.Outcome == NodeChangeOutcome.Skipped)
            WriteVerbose(plan.Node + ": " + change.Reason);
        WriteObject(Await(cluster.GetNodesAsync(Stop), "Reading the nodes").First(node => node.Id == plan.NodeId));
    }
}
