using System.Collections.Generic;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>Sends a command to nodes of a cluster and gets the reply of each.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "RedisClusterCommand", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(RedisCommandReply))]
public sealed class InvokeRedisClusterCommandCommand : ClusterOnlyCmdlet
{
    /// <summary>
    /// Specifies the command: each word as one argument (<c>CONFIG GET maxmemory</c>), or all of it as one text that is divided at spaces,
    /// with quotation marks and \xHH as in redis-cli.
    /// </summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromRemainingArguments = true)]
    [AllowEmptyString]
    public string[] Command { get; set; } = [];

    /// <summary>Sends it only to these nodes: id, id prefix, <c>host:port</c> or port; wildcards are allowed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string[]? Node { get; set; }

    /// <summary>Sends it only to nodes with this role.</summary>
    [Parameter]
    public RedisNodeRole? Role { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        var plan = Await(cluster.PlanCommandAsync(Command, Node, Role, Stop), "Reading the nodes");
        if (plan.OnlyReads)
        {
            Send(plan.Nodes);
            return;
        }

        foreach (var node in plan.Nodes)
        {
            if (ShouldProcess(node.Endpoint, plan.Text))
                Send([node]);
        }

        void Send(IReadOnlyList<RedisClusterNode> nodes) =>
            WriteObject(Await(cluster.SendCommandAsync(plan, nodes, Stop), "Sending the command"), enumerateCollection: true);
    }
}
