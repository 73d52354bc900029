using System;
using System.Globalization;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Slot;

/// <summary>The moment that decides: the target is given the slot. From then on the source deletes what it still holds of it.</summary>
internal sealed class SlotHandover(ClusterReader reader, OperationLog? log)
{
    // A node hears from each other one at least once in half a node timeout, which is 15 seconds unless somebody set it.
    private static readonly TimeSpan GossipPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan GossipPause = TimeSpan.FromMilliseconds(100);

    private readonly SlotCommands _commands = new(reader);

    /// <summary>Gives the slot to the target if, and only if, the source holds none of its keys now.</summary>
    /// <returns>False where keys are on the source again: move them and try again.</returns>
    /// <exception cref="SlotChangedException">One of the ends is not as it must be.</exception>
    public async Task<bool> TryAsync(TakeOver step, StopRequest stop)
    {
        stop.ThrowIfRequested();
        var slot = step.Slot.ToString(CultureInfo.InvariantCulture);
        var (source, givenAway) = await ReadEndsAsync(step, slot, stop).ConfigureAwait(false);
        if (!source.DatabasesKnown)
        {
            throw new RedisOperationException(
                FailureCode.PermissionDenied,
                "Slot " + slot + ": on " + step.Source.Name + " the user may run neither CONFIG GET nor SELECT, so keys of the slot in other databases can't be ruled out. Nothing was given away.",
                slot,
                ServerErrors.NextOf(FailureCode.PermissionDenied));
        }

        var connection = await reader.ConnectAsync(step.Source, stop.Abort).ConfigureAwait(false);
        var keys = source.Self.IsMaster ? await SlotKeyCounter.CountAsync(connection, source.Databases, step.Slot, stop.Abort).ConfigureAwait(false) : 0;
        // Garnet does not count a slot that it gave away; it can hold no key that a client could reach then.
        if (keys > 0 || (keys is null && !givenAway))
            return false;

        stop.ThrowIfRequested();
        await _commands.AssignAsync(step.Target, step.Slot, step.Target, stop).ConfigureAwait(false);
        log?.State(step.Slot, "Slot " + slot + ": given to " + step.Target.Name);
        return true;
    }

    /// <summary>
    /// Sees to it that the target's epoch is above the source's, by which those who can't be told go. Only after the source has been
    /// told: until then nothing matters more than that it stops to claim the slot.
    /// </summary>
    public async Task EnsureHigherEpochAsync(ClusterNode source, ClusterNode target, int slot, StopRequest stop)
    {
        for (var started = stop.Clock.Now; stop.Clock.Now - started < GossipPatience;)
        {
            var loser = await reader.ReadNodeAsync(source, stop.Abort).ConfigureAwait(false);
            var winner = await reader.ReadNodeAsync(target, stop.Abort).ConfigureAwait(false);
            if (winner.Self.ConfigEpoch > loser.Self.ConfigEpoch || !loser.Self.IsMaster)
                return;
            // STILL is the answer of one that has not heard of the higher epoch.
            var connection = await reader.ConnectAsync(target, stop.Abort).ConfigureAwait(false);
            var reply = await connection.SendAsync(RespCommand.Of("CLUSTER", "BUMPEPOCH"), stop.Abort).ConfigureAwait(false);
            if (ServerErrors.StartsWith(reply.Text, "BUMPED"))
                log?.Warning(slot, target.Name + " had not raised its epoch above that of " + source.Name + "; it was told to.");
            await stop.PauseAsync(GossipPause).ConfigureAwait(false);
        }
    }

    private async Task<(NodeView Source, bool GivenAway)> ReadEndsAsync(TakeOver step, string slot, StopRequest stop)
    {
        for (var started = stop.Clock.Now; ;)
        {
            var target = await reader.ReadNodeAsync(step.Target, stop.Abort).ConfigureAwait(false);
            // Without the importing flag the target does not raise its epoch, and gossip would take the slot, and the keys, away again.
            if (!target.Self.IsMaster || !target.Self.ImportingFrom.TryGetValue(step.Slot, out var from) || from != step.Source.Id)
                throw Changed(step, step.Target.Name + " is not importing slot " + slot + " from " + step.Source.Name);

            // The source last, and its count after its flag: while it migrates, or no longer owns the slot, an empty slot stays empty.
            var source = await reader.ReadNodeAsync(step.Source, stop.Abort).ConfigureAwait(false);
            var migrating = source.Self.MigratingTo.TryGetValue(step.Slot, out var to) && to == step.Target.Id;
            var givenAway = !source.Self.Slots.Contains(step.Slot) && source.OwnerOf(step.Slot) == step.Target.Id;
            // It gave its last slot away, and has become a replica of the target: what it holds is the target's.
            if (!source.Self.IsMaster && source.Self.MasterId == step.Target.Id)
                return (source, true);
            if (!source.Self.IsMaster || !(migrating || givenAway))
                throw Changed(step, step.Source.Name + " is neither migrating slot " + slot + " to " + step.Target.Name + " nor has it given it away");

            // The target raises its epoch above those that it has heard of. Where it has not heard of the source's, as in the second
            // after a redis-cli --cluster fix, its claim would be the lower one: the source takes the slot back, and the target deletes the keys.
            if (target.Line(step.Source.Id)?.ConfigEpoch >= source.Self.ConfigEpoch)
                return (source, givenAway);
            if (stop.Clock.Now - started > GossipPatience)
                throw Changed(step, step.Target.Name + " has not heard of the config epoch of " + step.Source.Name + ", so its claim could lose");
            await stop.PauseAsync(GossipPause).ConfigureAwait(false);
        }
    }

    private static SlotChangedException Changed(TakeOver step, string what) => new(new RedisOperationException(
        FailureCode.ClusterViewConflict,
        "Slot " + step.Slot.ToString(CultureInfo.InvariantCulture) + ": " + what + ". Nothing was given away.",
        step.Slot.ToString(CultureInfo.InvariantCulture),
        "Get-RedisOpenSlot -Slot " + step.Slot.ToString(CultureInfo.InvariantCulture)));
}
