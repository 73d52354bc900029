using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Migration.Slot;

/// <summary>
/// Raises the config epoch of a master above every epoch that a reachable node knows, and verifies it by reading all of them.
/// </summary>
/// <remarks>
/// ADDSLOTS raises no epoch. A former owner that returns with a higher one, even a forgotten one, takes the slots back, and the new owner
/// deletes its keys. Each node keeps the highest epoch that it has ever received (cluster_current_epoch), so it also knows the epochs of
/// nodes that it has forgotten. BUMPEPOCH raises the epoch of a node above those that this node knows.
/// </remarks>
internal sealed class WinningEpoch(ClusterReader reader, OperationLog? log)
{
    // A node receives gossip of each other node at least once in half a node timeout. The default node timeout is 15 seconds.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private static readonly RespCommand Nodes = RespCommand.Of("CLUSTER", "NODES");
    private static readonly RespCommand Info = RespCommand.Of("CLUSTER", "INFO");

    /// <param name="node">The master.</param>
    /// <param name="witnesses">The nodes whose knowledge counts; the master may be one of them.</param>
    /// <param name="slot">The slot for the log.</param>
    /// <param name="stop">Requests a stop.</param>
    /// <exception cref="RedisOperationException">ClusterViewConflict: the epoch did not exceed the others in time.</exception>
    public async Task EnsureAsync(ClusterNode node, IReadOnlyList<ClusterNode> witnesses, int? slot, StopRequest stop)
    {
        for (var started = stop.Clock.Now; ;)
        {
            var known = await FanOut.AllAsync(
                witnesses.Where(witness => witness.Id != node.Id), witness => HighestAsync(witness, node, stop), stop.Abort)
                .ConfigureAwait(false);
            var (own, others) = await ReadAsync(node, node, stop).ConfigureAwait(false);
            var highest = known.Append(others).Max(seen => seen.Other);
            var current = known.Append(others).Max(seen => seen.Current);
            if (own > highest && own >= current && own > 0)
                return;
            if (stop.Clock.Now - started > Patience)
            {
                throw new RedisOperationException(
                    FailureCode.ClusterViewConflict,
                    "The config epoch of " + node.Name + " is " + Number(own) + ", and other nodes know "
                        + Number(Math.Max(highest, current)) + ". A slot that it takes over now could be taken back.",
                    node.Name,
                    new NextAction(NextActionCode.ShowEpochs));
            }

            // A node that has not received the higher epoch yet answers STILL.
            var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
            var reply = await connection.SendAsync(RespCommand.Of("CLUSTER", "BUMPEPOCH"), stop.Abort).ConfigureAwait(false);
            if (ServerErrors.StartsWith(reply.Text, "STILL"))
                await stop.PauseAsync(Pause).ConfigureAwait(false);
            else
                log?.State(slot, node.Name + ": CLUSTER BUMPEPOCH raised its epoch, which was " + Number(own));
        }
    }

    /// <summary>The views of the other masters among the witnesses, with the slots that each of them claims now.</summary>
    /// <remarks>
    /// The plan was made from views that were read one after another. If a replica took its master's place meanwhile, both may have
    /// appeared not to own the slots, and the new owner would make it delete their keys.
    /// </remarks>
    public async Task<IReadOnlyList<NodeView>> ReadOtherMastersAsync(
        ClusterNode node, IReadOnlyList<ClusterNode> witnesses, StopRequest stop)
    {
        var others = await FanOut.AllAsync(
            witnesses.Where(witness => witness.Id != node.Id), witness => reader.ReadNodeAsync(witness, stop.Abort), stop.Abort)
            .ConfigureAwait(false);
        return others.Where(view => view.Self.IsMaster).ToList();
    }

    private async Task<(long Other, long Current)> HighestAsync(ClusterNode witness, ClusterNode node, StopRequest stop) =>
        (await ReadAsync(witness, node, stop).ConfigureAwait(false)).Known;

    // The epoch that the witness reports for the node, the highest that it reports for any other node, and the highest it has received.
    // The lines of replicas show the epochs of their masters.
    private async Task<(long OfNode, (long Other, long Current) Known)> ReadAsync(ClusterNode witness, ClusterNode node, StopRequest stop)
    {
        var connection = await reader.ConnectAsync(witness, stop.Abort).ConfigureAwait(false);
        var replies = await connection.SendAsync([Nodes, Info], null, stop.Abort).ConfigureAwait(false);
        var lines = ClusterNodesParser.Parse(replies[0].OrThrow(connection.Endpoint, Nodes).Text);
        var other = lines.Where(line => line.Id != node.Id && line.MasterId != node.Id).Select(line => line.ConfigEpoch)
            .DefaultIfEmpty(0).Max();
        var own = lines.Where(line => line.Id == node.Id).Select(line => line.ConfigEpoch).DefaultIfEmpty(0).Max();
        return (own, (other, CurrentIn(replies[1], witness)));
    }

    // Garnet's epochs rise by themselves with each step.
    private static long CurrentIn(RespValue info, ClusterNode witness) =>
        !info.IsError && witness.View?.Facts.Engine != ServerEngine.Garnet
            && ServerFacts.ParseFields(info.Text).TryGetValue("cluster_current_epoch", out var text)
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var epoch) ? epoch : 0;
}
