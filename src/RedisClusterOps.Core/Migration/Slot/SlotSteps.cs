using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Slot;

/// <summary>Runs the steps of a slot's plan. Each step may be repeated without harm.</summary>
internal sealed class SlotSteps(ClusterReader reader, SlotPlan plan, KeyTally tally, OperationLog? log, StopRequest stop)
{
    private readonly SlotCommands _commands = new(reader);
    private readonly SlotHandover _handover = new(reader, log);
    private readonly WinningEpoch _epoch = new(reader, log);
    private readonly ReplicaMigrationSetting _setting = new(reader, log, stop);

    private readonly int _slot = plan.Slot;
    private readonly HashSet<string> _kept = [];
    private IReadOnlyList<ClusterNode> _witnesses = [];

    /// <summary>Records which nodes have a changed setting; null if nothing is recorded.</summary>
    public SettingRecord? Settings { get; init; }

    private string Slot => _slot.ToString(CultureInfo.InvariantCulture);

    /// <summary>Runs the steps in order. Masters that are neither source nor target are notified concurrently.</summary>
    /// <exception cref="SlotChangedException">The slot is not as a step needs it: plan again.</exception>
    public async Task RunAllAsync(IReadOnlyList<SlotAction> actions)
    {
        _witnesses = actions.OfType<RaiseEpoch>().FirstOrDefault()?.Witnesses ?? [];
        for (var next = 0; next < actions.Count;)
        {
            var others = actions.Skip(next).TakeWhile(action => action is NotifyOwner { IsSource: false }).ToList();
            var running = others.Count > 0 ? FanOut.AllAsync(others, RunAsync, CancellationToken.None) : RunAsync(actions[next]);
            await running.ConfigureAwait(false);
            next += Math.Max(1, others.Count);
        }
    }

    private async Task RunAsync(SlotAction action)
    {
        switch (action)
        {
            case CorrectOwner correct:
                await _commands.CorrectAsync(correct, stop).ConfigureAwait(false);
                log?.State(_slot, "Slot " + Slot + ": " + correct.Node.Name + " was sent " + correct.Owner.Name + " as the owner"
                    + (correct.Slots.Count == 1 ? string.Empty : " of slots " + Printable.Clean(correct.Slots.ToString(), 100)));
                break;
            case SetImporting import:
                stop.ThrowIfRequested();
                tally.Interrupted.Clear();
                var mayReturn = plan.Kind == MigrationOperation.Undo || plan.Undo is not null;
                await new ClusterBusBarrier(reader, stop).AwaitAsync(import.Source, import.Target, mayReturn).ConfigureAwait(false);
                await _commands.ImportAsync(import.Target, _slot, import.Source, stop).ConfigureAwait(false);
                log?.State(_slot, "Slot " + Slot + ": " + import.Target.Name + " imports");
                break;
            case SetMigrating migrate:
                tally.Interrupted.Clear();
                await _commands.MigrateAsync(migrate.Source, _slot, migrate.Target, stop).ConfigureAwait(false);
                log?.State(_slot, "Slot " + Slot + ": " + migrate.Source.Name + " migrates");
                break;
            case MoveKeys move:
                await new KeyMover(reader, move, plan.Options, tally, log, stop).MoveAllAsync(null).ConfigureAwait(false);
                log?.State(_slot, "Slot " + Slot + ": " + tally.MovedText + " moved");
                break;
            case AssignToTarget assign:
                if (!await _handover.TryAssignAsync(assign, stop).ConfigureAwait(false))
                {
                    throw new SlotChangedException(new RedisOperationException(
                        FailureCode.SourceNotEmpty,
                        "Slot " + Slot + ": " + assign.Source.Name
                            + " holds keys of it again, and would delete them after the handover. The slot was not handed over.",
                        Slot,
                        plan.Request!.Again));
                }

                break;
            case NotifyOwner notify:
                await NotifyAsync(notify).ConfigureAwait(false);
                break;
            case StopMigrating close:
                await StopMigratingAsync(close).ConfigureAwait(false);
                break;
            case StopImporting close:
                await StopImportingAsync(close).ConfigureAwait(false);
                break;
            case RaiseEpoch raise:
                stop.ThrowIfRequested();
                await _epoch.EnsureAsync(raise.Node, raise.Witnesses, _slot, stop).ConfigureAwait(false);
                break;
            case AddUnownedSlot take:
                stop.ThrowIfRequested();
                await RequireUnclaimedAsync(take.Node).ConfigureAwait(false);
                if (take.Believed is null)
                    await _commands.AddAsync(take.Node, _slot, stop).ConfigureAwait(false);
                else
                    await _commands.TakeAsync(take.Node, _slot, take.Believed, stop).ConfigureAwait(false);
                // Another node may have raised its epoch meanwhile.
                await _epoch.EnsureAsync(take.Node, _witnesses, _slot, stop).ConfigureAwait(false);
                log?.State(_slot, "Slot " + Slot + ": " + take.Node.Name + " owns it now");
                break;
            case TakeFromUnreachable take:
                stop.ThrowIfRequested();
                await RequireUnclaimedAsync(take.Node).ConfigureAwait(false);
                await _commands.TakeAsync(take.Node, _slot, take.Absent.Id, stop).ConfigureAwait(false);
                log?.State(_slot, "Slot " + Slot + ": " + take.Node.Name + " took it over from unreachable " + take.Absent.Name);
                break;
            case ClearReplicaFlags clear:
                stop.ThrowIfRequested();
                if (HasFlag(await reader.ReadNodeAsync(clear.Master, stop.Abort).ConfigureAwait(false)))
                    throw Changed(clear.Master.Name + " has the slot open now");
                await _commands.ClearAsync(clear.Master, _slot, stop).ConfigureAwait(false);
                log?.State(_slot, "Slot " + Slot + ": the flags of the replicas of " + clear.Master.Name + " were cleared");
                break;
            case ClearFlags clear:
                await ReleaseAsync(clear).ConfigureAwait(false);
                break;
            case SuppressReplicaMigration keep:
                if (await _setting.TrySuppressAsync(keep.Node, Settings).ConfigureAwait(false))
                    _kept.Add(keep.Node.Id);
                break;
            case RestoreReplicaMigration restore:
                if (_kept.Remove(restore.Node.Id) || restore.WasInterrupted)
                    await _setting.TryRestoreAsync(restore.Node, Settings).ConfigureAwait(false);
                break;
            default:
                throw new InvalidOperationException("Unknown step: " + action.GetType().Name + ".");
        }
    }

    private async Task RequireUnclaimedAsync(ClusterNode coming)
    {
        var others = await _epoch.ReadOtherMastersAsync(coming, _witnesses, stop).ConfigureAwait(false);
        if (others.FirstOrDefault(view => view.Self.Slots.Contains(_slot)) is { } owner)
        {
            throw new SlotChangedException(new RedisOperationException(
                FailureCode.StalePlan,
                "Slot " + Slot + " belongs to " + owner.Dialled + " now. Nothing more was changed.",
                Slot,
                plan.Request!.Again));
        }
    }

    private async Task StopMigratingAsync(StopMigrating close)
    {
        stop.ThrowIfRequested();
        if (close.Empty is { } target)
        {
            var connection = await reader.ConnectAsync(target, stop.Abort).ConfigureAwait(false);
            if (await SlotKeyCounter.CountAsync(connection, target.View!.Databases, _slot, stop.Abort).ConfigureAwait(false) is not 0)
                throw Changed(target.Name + " holds keys of it now, and they would read as missing");
        }

        await _commands.ClearAsync(close.Node, _slot, stop).ConfigureAwait(false);
        log?.State(_slot, "Slot " + Slot + ": " + close.Node.Name + " no longer migrates it");
    }

    // Keys may arrive until STABLE runs. So the count and the STABLE are sent in one pipelined batch. If the count is not zero, the flag is
    // set again, and servers that hide such keys show them again.
    private async Task StopImportingAsync(StopImporting close)
    {
        var connection = await reader.ConnectAsync(close.Node, stop.Abort).ConfigureAwait(false);
        var databases = close.Node.View!.Databases;
        if (await SlotKeyCounter.CountAsync(connection, databases, _slot, stop.Abort).ConfigureAwait(false) is > 0)
            throw Changed(close.Node.Name + " holds keys of it again");
        var imports = (await reader.ReadNodeAsync(close.Node, stop.Abort).ConfigureAwait(false)).Self.ImportingFrom;
        (long? Count, bool Stopped) ended;
        try
        {
            ended = await SlotKeyCounter.CountAndClearFlagsAsync(connection, databases, _slot, stop.Abort).ConfigureAwait(false);
        }
        catch (RedisServerException) when (imports.TryGetValue(_slot, out var source))
        {
            // After a refused SELECT the count of a database is unknown, but the STABLE that followed has run.
            await connection.SendAsync(RespCommand.Of("CLUSTER", "SETSLOT", _slot, "IMPORTING", source), stop.Abort).ConfigureAwait(false);
            throw;
        }

        var (left, stopped) = ended;
        if (left == 0 && !stopped)
            await _commands.ClearAsync(close.Node, _slot, stop).ConfigureAwait(false);
        // Valkey runs STABLE only once its replicas have it, and serves clients meanwhile.
        if (left == 0 && close.Node.View.Facts.Engine == ServerEngine.Valkey)
            left = await SlotKeyCounter.CountAsync(connection, databases, _slot, stop.Abort).ConfigureAwait(false);
        if (left is > 0 && imports.TryGetValue(_slot, out var from))
        {
            await connection.SendAsync(RespCommand.Of("CLUSTER", "SETSLOT", _slot, "IMPORTING", from), stop.Abort).ConfigureAwait(false);
            throw Changed(close.Node.Name + " received a key of it at the last moment");
        }

        log?.State(_slot, "Slot " + Slot + ": " + close.Node.Name + " no longer imports it");
    }

    private SlotChangedException Changed(string what) => new(new RedisOperationException(
        FailureCode.SourceNotEmpty, "Slot " + Slot + ": " + what + ". It was left open.", Slot, plan.Request!.Again));

    // The owner is decided by now. A node that can't be reached here learns it by gossip, and the verification at the end finds out if it
    // did not.
    private async Task NotifyAsync(NotifyOwner notify)
    {
        try
        {
            await _commands.AssignAsync(notify.Node, _slot, notify.Owner, stop).ConfigureAwait(false);
            if (notify.IsSource)
            {
                await ClearLeftFlagAsync(notify).ConfigureAwait(false);
                await new HandoverEpoch(reader, log).EnsureHigherAsync(notify.Node, notify.Owner, _slot, stop).ConfigureAwait(false);
            }
        }
        catch (SlotChangedException changed)
            when (changed.InnerException is RedisServerException { ServerError: var error } && SlotCommands.IsNoMaster(error))
        {
            log?.State(_slot, "Slot " + Slot + ": " + notify.Node.Name + " handed over its last slot and has become a replica");
        }
        catch (Exception failure) when (failure is RedisOperationException or SlotChangedException)
        {
            log?.Warning(_slot, "Slot " + Slot + ": " + notify.Node.Name + " could not be sent the new owner ("
                + Printable.Clean(failure.Message, 160) + "); it should learn it by gossip.");
        }
    }

    // NODE clears the migrating flag only on a source that knows it has no key. STABLE clears it on a source that no longer owns the slot.
    private async Task ClearLeftFlagAsync(NotifyOwner notify)
    {
        var now = await reader.ReadNodeAsync(notify.Node, stop.Abort).ConfigureAwait(false);
        if (!now.Self.Slots.Contains(_slot) && HasFlag(now))
            await _commands.ClearAsync(notify.Node, _slot, stop).ConfigureAwait(false);
    }

    private async Task ReleaseAsync(ClearFlags clear)
    {
        var now = await reader.ReadNodeAsync(clear.Node, stop.Abort).ConfigureAwait(false);
        if (now.Self.Slots.Contains(_slot))
        {
            await _commands.AssignAsync(clear.Node, _slot, clear.Owner, stop).ConfigureAwait(false);
            now = await reader.ReadNodeAsync(clear.Node, stop.Abort).ConfigureAwait(false);
        }

        if (!now.Self.Slots.Contains(_slot) && HasFlag(now))
            await _commands.ClearAsync(clear.Node, _slot, stop).ConfigureAwait(false);
    }

    // A node with both flags shows only the migrating one.
    private bool HasFlag(NodeView view) => view.Self.MigratingTo.ContainsKey(_slot) || view.Self.ImportingFrom.ContainsKey(_slot);
}
