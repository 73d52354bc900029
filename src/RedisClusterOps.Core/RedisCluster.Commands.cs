using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <content>Commands of a user.</content>
public sealed partial class RedisCluster
{
    /// <summary>Checks a command and finds its nodes. Nothing but COMMAND INFO is sent.</summary>
    /// <param name="command">The words of the command, or the command as one text.</param>
    /// <param name="nodes">Only these nodes: id, the beginning of an id, <c>host:port</c>, port or wildcard pattern; null for all.</param>
    /// <param name="role">Only nodes with this role; null for both.</param>
    /// <param name="cancellation">Cancels the operation.</param>
    /// <exception cref="RedisOperationException">
    /// CommandRefused: another operation does it safely, or it has no single reply. NodeNotFound. InvalidArgument: no node has the command.
    /// </exception>
    public async Task<RedisNodeCommand> PlanCommandAsync(
        IReadOnlyList<string> command, IReadOnlyList<string>? nodes, RedisNodeRole? role, CancellationToken cancellation)
    {
        var line = CommandLine.Of(command);
        if (CommandRules.RefusalOf(line, _session.CommandTimeout) is { } refusal)
            throw refusal;
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var all = NodeReport.Nodes(view, _session);
        var named = nodes is null ? all : nodes.SelectMany(name => FindNodes(all, name)).Distinct().ToList();
        var chosen = named.Where(node => role is null || node.Role == role).ToList();
        if (chosen.Count == 0)
        {
            throw new RedisOperationException(
                FailureCode.NodeNotFound, "No node has the role " + role + ". The command was not sent.",
                next: new NextAction(NextActionCode.ShowNodes));
        }

        var sender = new NodeCommandSender(_reader, _session);
        var asked = chosen.Select(node => view.Node(node.Id)!).Where(node => node.IsReachable).ToList();
        if (asked.Count == 0)
            asked = view.Nodes.Where(node => node.IsReachable).Take(1).ToList();
        var flags = await FanOut.AllAsync(asked, node => sender.FlagsOfAsync(node, line, cancellation), cancellation).ConfigureAwait(false);
        if (flags.All(node => node.IsUnknown))
        {
            throw new RedisOperationException(
                FailureCode.InvalidArgument,
                "No node has a command '" + Printable.Clean(line.Words[0], 40) + "'. It was not sent.",
                next: new NextAction(NextActionCode.Advice) { Note = "COMMAND LIST shows the commands of the nodes" });
        }

        return new RedisNodeCommand
        {
            Text = line.TextOf(flags.Any(node => node.Flags?.Contains("admin") == true)),
            OnlyReads = flags.All(node => node.IsUnknown || CommandRules.OnlyReads(line, node.Flags)),
            Nodes = chosen,
            Line = line,
            View = view,
        };
    }

    /// <summary>Sends a command to some of its nodes: concurrently if it only reads, otherwise one after another.</summary>
    /// <param name="command">The command, from <see cref="PlanCommandAsync"/>.</param>
    /// <param name="nodes">The nodes to send it to.</param>
    /// <param name="cancellation">Cancels the operation.</param>
    /// <returns>One reply for each node, in order. A node's error is in its reply.</returns>
    public async Task<IReadOnlyList<RedisCommandReply>> SendCommandAsync(
        RedisNodeCommand command, IReadOnlyList<RedisClusterNode> nodes, CancellationToken cancellation)
    {
        var sender = new NodeCommandSender(_reader, _session);
        var targets = nodes.Select(node => command.View!.Node(node.Id)!).ToList();
        if (command.OnlyReads)
            return await FanOut.AllAsync(targets, Send, cancellation).ConfigureAwait(false);
        var replies = new List<RedisCommandReply>();
        foreach (var target in targets)
            replies.Add(await Send(target).ConfigureAwait(false));
        return replies;

        Task<RedisCommandReply> Send(ClusterNode node) => sender.SendAsync(node, command.Line!, cancellation);
    }
}
