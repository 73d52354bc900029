using System.Globalization;
using System.Threading.Tasks;
using RedisClusterOps.Planning;
using RedisClusterOps.Protocol;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Migration;

/// <summary>The moment that decides: the target is given the slot. From then on the source deletes what it still holds of it.</summary>
internal sealed class CutOver(ClusterReader reader, SlotCommands commands, OperationLog? log)
{
    /// <summary>Gives the slot to the target if, and only if, the source holds none of its keys now.</summary>
    /// <returns>False where keys are on the source again: move them and try again.</returns>
    /// <exception cref="SlotChangedException">One of the ends is not as it must be.</exception>
    public async Task<bool> TryAsync(TakeOver step, StopRequest stop)
    {
        stop.ThrowIfRequested();
        var slot = step.Slot.ToString(CultureInfo.InvariantCulture);
        var target = await reader.ReadNodeAsync(step.Target, stop.Abort).ConfigureAwait(false);
        // Without the importing flag the target does not raise its epoch, and gossip would take the slot, and the keys, away again.
        if (!target.Self.IsMaster || !target.Self.ImportingFrom.TryGetValue(step.Slot, out var from) || from != step.Source.Id)
            throw Changed(step, step.Target.Name + " is not importing slot " + slot + " from " + step.Source.Name);

        // The source last, and its count after its flag: while it migrates, or no longer owns the slot, an empty slot stays empty.
        var source = await reader.ReadNodeAsync(step.Source, stop.Abort).ConfigureAwait(false);
        var migrating = source.Self.MigratingTo.TryGetValue(step.Slot, out var to) && to == step.Target.Id;
        var givenAway = !source.Self.Slots.Contains(step.Slot) && source.OwnerOf(step.Slot) == step.Target.Id;
        if (!source.Self.IsMaster || !(migrating || givenAway))
            throw Changed(step, step.Source.Name + " is neither migrating slot " + slot + " to " + step.Target.Name + " nor has it given it away");
        if (!source.DatabasesKnown)
        {
            throw new RedisOperationException(
                FailureCode.PermissionDenied,
                "Slot " + slot + ": on " + step.Source.Name + " the user may run neither CONFIG GET nor SELECT, so keys of the slot in other databases can't be ruled out. Nothing was given away.",
                slot,
                ServerErrors.NextStepOf(FailureCode.PermissionDenied));
        }

        var connection = await reader.ConnectAsync(step.Source, stop.Abort).ConfigureAwait(false);
        var keys = await SlotKeyCounter.CountAsync(connection, source.Databases, step.Slot, stop.Abort).ConfigureAwait(false);
        // Garnet does not count a slot that it gave away; it can hold no key that a client could reach then.
        if (keys > 0 || (keys is null && !givenAway))
            return false;

        stop.ThrowIfRequested();
        await commands.AssignAsync(step.Target, step.Slot, step.Target, stop).ConfigureAwait(false);
        log?.State(step.Slot, "Slot " + slot + ": given to " + step.Target.Name);
        await EnsureHigherEpochAsync(step, source.Self.ConfigEpoch, stop).ConfigureAwait(false);
        return true;
    }

    // The flag was there a moment ago, so the epoch has risen. Should it not have: raise it before gossip hears of a claim that loses.
    private async Task EnsureHigherEpochAsync(TakeOver step, long sourceEpoch, StopRequest stop)
    {
        var target = await reader.ReadNodeAsync(step.Target, stop.Abort).ConfigureAwait(false);
        if (target.Self.ConfigEpoch > sourceEpoch)
            return;
        var connection = await reader.ConnectAsync(step.Target, stop.Abort).ConfigureAwait(false);
        await connection.SendAsync(RespCommand.Of("CLUSTER", "BUMPEPOCH"), stop.Abort).ConfigureAwait(false);
        log?.Warning(step.Slot, step.Target.Name + " had not raised its epoch by itself; it was told to.");
    }

    private static SlotChangedException Changed(TakeOver step, string what) => new(new RedisOperationException(
        FailureCode.ClusterViewConflict,
        "Slot " + step.Slot.ToString(CultureInfo.InvariantCulture) + ": " + what + ". Nothing was given away.",
        step.Slot.ToString(CultureInfo.InvariantCulture),
        "Get-RedisOpenSlot -Slot " + step.Slot.ToString(CultureInfo.InvariantCulture)));
}
