using System;
using System.Globalization;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Slot;

/// <summary>Hands a slot over: makes the target its owner. The source then deletes the keys of the slot that it still holds.</summary>
internal sealed class SlotHandover(ClusterReader reader, OperationLog? log)
{
    // The time limit for replicas that do not acknowledge a SETSLOT, on Valkey 8 and later.
    private static readonly TimeSpan ReplicaPatience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ReplicaPause = TimeSpan.FromMilliseconds(50);

    private readonly SlotCommands _commands = new(reader);

    /// <summary>Makes the target the owner if, and only if, the source holds no key of the slot now.</summary>
    /// <returns>False if the source holds keys again: move them and try again.</returns>
    /// <exception cref="SlotChangedException">One of the ends is not as the handover needs it.</exception>
    public async Task<bool> TryAssignAsync(AssignToTarget step, StopRequest stop)
    {
        var slot = step.Slot.ToString(CultureInfo.InvariantCulture);
        for (var started = stop.Clock.Now; await TargetOfEmptyAsync(step, slot, stop).ConfigureAwait(false) is { } target;)
        {
            if (await _commands.TryTakeOverAsync(step.Target, target, step.Slot, stop).ConfigureAwait(false))
            {
                log?.State(step.Slot, "Slot " + slot + ": handed over to " + step.Target.Name);
                return true;
            }

            // The source is checked again before the next attempt: it may have died meanwhile, and its replica may own the slot.
            if (stop.Clock.Now - started > ReplicaPatience)
                throw Unacknowledged(step.Target, slot);
            await stop.PauseAsync(ReplicaPause).ConfigureAwait(false);
        }

        return false;
    }

    private static RedisOperationException Unacknowledged(ClusterNode target, string slot) => new(
        FailureCode.NodeUnreachable,
        "Slot " + slot + ": " + (AssignToTarget.WaitsForReplicas(target)
            ? "the replicas of " + target.Name + " did not acknowledge CLUSTER SETSLOT for "
            : target.Name + " delayed CLUSTER SETSLOT, as during a failover, for ")
            + ReplicaPatience.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)
            + " seconds. The slot was not handed over. No key is lost; both nodes serve it.",
        target.Name,
        new NextAction(NextActionCode.ShowNodes));

    // The target's view, if the source holds no key of the slot.
    private async Task<NodeView?> TargetOfEmptyAsync(AssignToTarget step, string slot, StopRequest stop)
    {
        stop.ThrowIfRequested();
        var (source, target, isHandedOver) = await ReadEndsAsync(step, slot, stop).ConfigureAwait(false);
        if (!source.DatabasesKnown)
        {
            throw new RedisOperationException(
                FailureCode.PermissionDenied,
                "Slot " + slot + ": the user may run neither CONFIG GET nor SELECT on " + step.Source.Name
                    + ", so keys of the slot in other databases can't be ruled out. The slot was not handed over.",
                slot,
                ServerErrors.NextOf(FailureCode.PermissionDenied));
        }

        var connection = await reader.ConnectAsync(step.Source, stop.Abort).ConfigureAwait(false);
        var keys = source.Self.IsMaster
            ? await SlotKeyCounter.CountAsync(connection, source.Databases, step.Slot, stop.Abort).ConfigureAwait(false)
            : 0;
        // Garnet does not count a slot that it handed over. It then holds no key that a client could reach.
        stop.ThrowIfRequested();
        return keys == 0 || (keys is null && isHandedOver) ? target : null;
    }

    private async Task<(NodeView Source, NodeView Target, bool IsHandedOver)> ReadEndsAsync(
        AssignToTarget step, string slot, StopRequest stop)
    {
        (NodeView Source, NodeView Target, bool IsHandedOver)? ends = null;
        if (await HandoverEpoch.AwaitAsync(CheckAsync, stop).ConfigureAwait(false))
            return ends!.Value;
        throw Changed(step, step.Target.Name + " has not received the config epoch of " + step.Source.Name + ", so its claim could lose");

        async Task<bool> CheckAsync()
        {
            var target = await reader.ReadNodeAsync(step.Target, stop.Abort).ConfigureAwait(false);
            // Without the importing flag the target does not raise its epoch, and gossip would take the slot and its keys away again.
            if (!target.Self.IsMaster || !HandoverOrder.Has(target.Self.ImportingFrom, step.Slot, step.Source.Id))
                throw Changed(step, step.Target.Name + " is not importing slot " + slot + " from " + step.Source.Name);

            // The source is read last, and its keys are counted after its flag was read: while it migrates the slot, or no longer owns
            // it, an empty slot stays empty.
            var source = await reader.ReadNodeAsync(step.Source, stop.Abort).ConfigureAwait(false);
            var isMigrating = HandoverOrder.Has(source.Self.MigratingTo, step.Slot, step.Target.Id);
            var isHandedOver = !source.Self.Slots.Contains(step.Slot) && source.OwnerOf(step.Slot) == step.Target.Id;
            // The source handed over its last slot, and has become a replica of the target: its keys are the target's.
            if (!source.Self.IsMaster && source.Self.MasterId == step.Target.Id)
            {
                ends = (source, target, true);
                return true;
            }

            if (!source.Self.IsMaster || !(isMigrating || isHandedOver))
            {
                var what = " is not migrating slot " + slot + " to " + step.Target.Name + ", and has not handed it over";
                throw Changed(step, step.Source.Name + what);
            }

            ends = (source, target, isHandedOver);
            return HandoverEpoch.IsKnown(target, source, step.Source.Id);
        }
    }

    private static SlotChangedException Changed(AssignToTarget step, string what) => new(new RedisOperationException(
        FailureCode.ClusterViewConflict,
        "Slot " + step.Slot.ToString(CultureInfo.InvariantCulture) + ": " + what + ". The slot was not handed over.",
        step.Slot.ToString(CultureInfo.InvariantCulture),
        SlotCommands.ShowSlot(step.Slot)));
}
