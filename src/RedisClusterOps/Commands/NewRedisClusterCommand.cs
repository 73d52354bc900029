using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>
/// Forms a cluster of empty nodes in cluster mode: slots in contiguous ranges, replicas on other hosts than their masters, and waits until
/// every node reports it.
/// </summary>
[Cmdlet(VerbsCommon.New, "RedisCluster", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(RedisClusterInfo))]
public sealed class NewRedisClusterCommand : NodeChangeCmdlet
{
    /// <summary>
    /// Specifies the nodes, <c>host:port</c>, as they reach each other. The first ones become masters, the others their replicas.
    /// </summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string[] Endpoint { get; set; } = [];

    /// <summary>Specifies the number of replicas of each master. The default is 0.</summary>
    [Parameter]
    [ValidateRange(0, 16383)]
    public int Replica { get; set; }

    internal override void Run()
    {
        var cluster = Open(RedisClusterSession.ForEndpoints(Endpoint, FindSession()));
        Change(cluster, cluster.PlanNewClusterAsync(Replica, FilePath(JournalPath), Stop), string.Join(",", Endpoint));
    }

    internal override void Write(RedisCluster cluster, MembershipPlan plan, RedisNodeChange change)
    {
        if (change.Outcome == NodeChangeOutcome.Skipped)
            WriteVerbose(change.Reason);
        WriteObject(Await(cluster.GetInfoAsync(Stop), "Reading the cluster"));
    }
}
