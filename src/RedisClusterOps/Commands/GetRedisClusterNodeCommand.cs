using System.Collections.Generic;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>Gets every node of a cluster with its slots, load and replication.</summary>
[Cmdlet(VerbsCommon.Get, "RedisClusterNode")]
[OutputType(typeof(RedisClusterNode))]
public sealed class GetRedisClusterNodeCommand : ClusterOnlyCmdlet
{
    /// <summary>Gets only these nodes: id, id prefix, <c>host:port</c> or port; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string[]? Node { get; set; }

    /// <summary>Gets only nodes with this role.</summary>
    [Parameter]
    public RedisNodeRole? Role { get; set; }

    internal override void Run()
    {
        var nodes = Await(Open().GetNodesAsync(Stop), "Reading the nodes");
        if (Node is null)
        {
            Write(nodes, []);
            return;
        }

        var written = new HashSet<string>();
        foreach (var name in Node)
        {
            try
            {
                Write(RedisCluster.FindNodes(nodes, name), written);
            }
            catch (RedisOperationException failure)
            {
                WriteError(ErrorRecords.From(failure, name));
            }
        }
    }

    // Two names may match one node. It is written once.
    private void Write(IReadOnlyList<RedisClusterNode> nodes, HashSet<string> written)
    {
        foreach (var node in nodes)
        {
            if ((Role is null || node.Role == Role) && written.Add(node.Id))
                WriteObject(node);
        }
    }
}
