using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>Makes nodes replicas of a master, and waits until they have loaded its data and every node reports it.</summary>
[Cmdlet(VerbsCommon.Set, "RedisClusterReplica", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RedisNodeChange))]
public sealed class SetRedisClusterReplicaCommand : NodeChangeCmdlet
{
    /// <summary>
    /// Specifies the nodes: replicas, or masters without slots and keys. Node id, unique id prefix, <c>host:port</c> or port.
    /// </summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string[] Node { get; set; } = [];

    /// <summary>Specifies the master: node id, unique id prefix, <c>host:port</c> or port.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string ReplicaOf { get; set; } = string.Empty;

    internal override void Run()
    {
        var cluster = Open();
        foreach (var node in Node)
            Change(cluster, cluster.PlanReplicaAsync(node, ReplicaOf, FilePath(JournalPath), Stop), node);
    }
}
