using System;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Slot;

/// <summary>
/// Checks that the claim of the target to a slot wins over that of the source: before the handover the target knows the source's config
/// epoch, and afterwards its own is higher.
/// </summary>
internal sealed class HandoverEpoch(ClusterReader reader, OperationLog? log)
{
    // A node receives gossip about each other node at least once in half a node timeout. The default node timeout is 15 seconds.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// True if the target knows the source's config epoch. The target raises its epoch above those that it knows. If it does not know the
    /// source's, as in the second after <c>redis-cli --cluster fix</c>, its claim is the lower one: the source takes the slot back, and the
    /// target deletes the keys.
    /// </summary>
    public static bool IsKnown(NodeView target, NodeView source, string sourceId) =>
        target.Line(sourceId)?.ConfigEpoch >= source.Self.ConfigEpoch;

    /// <summary>Repeats a check of both ends until it succeeds, for as long as gossip of an epoch may take.</summary>
    /// <returns>False if the check did not succeed in that time.</returns>
    public static async Task<bool> AwaitAsync(Func<Task<bool>> check, StopRequest stop)
    {
        var (started, hasSucceeded) = (stop.Clock.Now, false);
        await Polling.UntilAsync(
            async () =>
            {
                hasSucceeded = await check().ConfigureAwait(false);
                return hasSucceeded || stop.Clock.Now - started > Patience;
            },
            Pause,
            Pause,
            stop.PauseAsync).ConfigureAwait(false);
        return hasSucceeded;
    }

    /// <summary>
    /// Ensures that the target's epoch is above the source's, because nodes that are not sent the owner decide by epoch. To be called only
    /// after the source was sent the new owner: until then nothing matters more than that it stops claiming the slot.
    /// </summary>
    public async Task EnsureHigherAsync(ClusterNode source, ClusterNode target, int slot, StopRequest stop)
    {
        for (var started = stop.Clock.Now; stop.Clock.Now - started < Patience;)
        {
            var loser = await reader.ReadNodeAsync(source, stop.Abort).ConfigureAwait(false);
            var winner = await reader.ReadNodeAsync(target, stop.Abort).ConfigureAwait(false);
            if (winner.Self.ConfigEpoch > loser.Self.ConfigEpoch || !loser.Self.IsMaster)
                return;
            // A target that does not know the higher epoch answers STILL.
            var connection = await reader.ConnectAsync(target, stop.Abort).ConfigureAwait(false);
            var reply = await connection.SendAsync(RespCommand.Of("CLUSTER", "BUMPEPOCH"), stop.Abort).ConfigureAwait(false);
            if (ServerErrors.StartsWith(reply.Text, "BUMPED"))
                log?.Warning(slot, target.Name + " had a lower epoch than " + source.Name + "; CLUSTER BUMPEPOCH raised it.");
            await stop.PauseAsync(Pause).ConfigureAwait(false);
        }
    }
}
