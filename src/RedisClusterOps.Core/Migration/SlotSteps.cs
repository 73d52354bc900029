using System;
using System.Globalization;
using System.Threading.Tasks;
using RedisClusterOps.Planning;
using RedisClusterOps.Protocol;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Migration;

/// <summary>Does one step of a slot's plan. Each may be done again without harm.</summary>
internal sealed class SlotSteps(ClusterReader reader, int slot, MoveOptions options, KeyTally tally, OperationLog? log, StopRequest stop)
{
    private readonly SlotCommands _commands = new(reader);
    private readonly CutOver _cutOver = new(reader, log);

    private string Slot => slot.ToString(CultureInfo.InvariantCulture);

    /// <exception cref="SlotChangedException">The slot is not as the step needs it: plan again.</exception>
    public async Task DoAsync(SlotAction action)
    {
        switch (action)
        {
            case CorrectOwner correct:
                await _commands.AssignAsync(correct.Node, slot, correct.Owner, stop).ConfigureAwait(false);
                log?.State(slot, "Slot " + Slot + ": " + correct.Node.Name + " knows that " + correct.Owner.Name + " owns it");
                break;
            case SetImporting import:
                stop.ThrowIfRequested();
                await _commands.ImportAsync(import.Target, slot, import.Source, stop).ConfigureAwait(false);
                log?.State(slot, "Slot " + Slot + ": " + import.Target.Name + " imports");
                break;
            case SetMigrating migrate:
                await _commands.MigrateAsync(migrate.Source, slot, migrate.Target, stop).ConfigureAwait(false);
                log?.State(slot, "Slot " + Slot + ": " + migrate.Source.Name + " migrates");
                break;
            case MoveKeys move:
                await new KeyMover(reader, move, options, tally, log, stop).MoveAllAsync(null).ConfigureAwait(false);
                log?.State(slot, "Slot " + Slot + ": " + tally.MovedText + " moved");
                break;
            case TakeOver takeOver:
                if (!await _cutOver.TryAsync(takeOver, stop).ConfigureAwait(false))
                {
                    throw new SlotChangedException(new RedisOperationException(
                        FailureCode.SourceNotEmpty,
                        "Slot " + Slot + ": " + takeOver.Source.Name + " holds keys of it again, and would delete them when the slot is given away. Nothing was given away.",
                        Slot,
                        "Complete-RedisSlotMigration -Slot " + Slot));
                }

                break;
            case TellOwner tell:
                await TellAsync(tell).ConfigureAwait(false);
                break;
        }
    }

    // The owner is decided by now: what a node can't be told here it learns by gossip, and the proof at the end says if it did not.
    private async Task TellAsync(TellOwner tell)
    {
        try
        {
            await _commands.AssignAsync(tell.Node, slot, tell.Owner, stop).ConfigureAwait(false);
            if (tell.IsSource)
            {
                await CloseLeftFlagAsync(tell).ConfigureAwait(false);
                await _cutOver.EnsureHigherEpochAsync(tell.Node, tell.Owner, slot, stop).ConfigureAwait(false);
            }
        }
        catch (SlotChangedException changed) when (changed.InnerException is RedisServerException { ServerError: var error } && SlotCommands.IsNoMaster(error))
        {
            log?.State(slot, "Slot " + Slot + ": " + tell.Node.Name + " gave its last slot away and has become a replica");
        }
        catch (Exception failure) when (failure is RedisOperationException or SlotChangedException)
        {
            log?.Warning(slot, "Slot " + Slot + ": " + tell.Node.Name + " could not be told the new owner (" + Printable.Clean(failure.Message, 160) + "); it should learn it by gossip.");
        }
    }

    // NODE ends the migrating flag only on a source that knows it has no key; STABLE ends it on one that does not own the slot any more.
    private async Task CloseLeftFlagAsync(TellOwner tell)
    {
        var now = await reader.ReadNodeAsync(tell.Node, stop.Abort).ConfigureAwait(false);
        if (!now.Self.Slots.Contains(slot) && now.Self.MigratingTo.ContainsKey(slot))
            await _commands.ClearAsync(tell.Node, slot, stop).ConfigureAwait(false);
    }
}
