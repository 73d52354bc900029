using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>Promotes a replica to the master of its shard, and waits until every node reports it.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "RedisClusterFailover", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(RedisNodeChange))]
public sealed class InvokeRedisClusterFailoverCommand : NodeChangeCmdlet
{
    /// <summary>Specifies the replicas to promote: node id, unique id prefix, <c>host:port</c> or port.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ArgumentCompleter(typeof(ReplicaCompleter))]
    public string[] Node { get; set; } = [];

    /// <summary>
    /// Specifies how. Graceful, the default: the master hands over, and no write is lost. Force: the masters vote without it. Takeover:
    /// without a vote, for a dead master if no majority is left.
    /// </summary>
    [Parameter]
    public RedisFailoverMode Mode { get; set; }

    // A graceful failover loses nothing, so its impact is medium: it asks only if the user wants to be asked.
    internal override bool IsAgreed => Mode == RedisFailoverMode.Graceful
        && !MyInvocation.BoundParameters.ContainsKey("Confirm")
        && !IsWhatIf
        && GetVariableValue("ConfirmPreference") is not (ConfirmImpact.Low or ConfirmImpact.Medium or "Low" or "Medium");

    internal override void Run()
    {
        var cluster = Open();
        foreach (var node in Node)
            Change(cluster, cluster.PlanFailoverAsync(node, Mode, FilePath(JournalPath), Stop), node);
    }

    internal override RedisNodeChange CarryOut(RedisCluster cluster, MembershipPlan plan) =>
        Await(cluster.FailOverAsync(plan, Stop), "Failing over");
}
