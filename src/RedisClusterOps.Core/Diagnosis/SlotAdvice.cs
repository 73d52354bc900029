using System.Globalization;

namespace RedisClusterOps.Diagnosis;

/// <summary>What clients see in each state, and the next action. See docs/states.md.</summary>
internal static class SlotAdvice
{
    public static RedisOpenSlot Describe(SlotDiagnosis diagnosis, RedisClusterSession session)
    {
        var fromSource = diagnosis.KeysOnSource;
        var onTarget = diagnosis.KeysOnTarget;
        return new RedisOpenSlot
        {
            Slot = diagnosis.Slot,
            // An empty slot that was just opened has not been drained.
            State = diagnosis.State == RedisOpenSlotState.Drained && onTarget == 0 ? RedisOpenSlotState.Migrating : diagnosis.State,
            Owner = diagnosis.Owner?.Name,
            Source = diagnosis.Source?.Name,
            SourceId = diagnosis.Source?.Id,
            Target = diagnosis.Target?.Name,
            TargetId = diagnosis.Target?.Id,
            KeysOnSource = fromSource,
            KeysOnTarget = onTarget,
            PercentComplete = diagnosis.Target is null ? null : Percent(fromSource, onTarget),
            ClientsSee = ClientsSee(diagnosis),
            Detail = diagnosis.Detail,
            Next = NextOf(diagnosis),
            Cluster = session,
        };
    }

    /// <summary>Whether a migration in this state can be completed (S1 to S7).</summary>
    public static bool CanComplete(RedisOpenSlotState state) => state is
        RedisOpenSlotState.ImportingOnly or RedisOpenSlotState.MigratingOnly or RedisOpenSlotState.Migrating or RedisOpenSlotState.Drained
        or RedisOpenSlotState.FinishedOnTarget or RedisOpenSlotState.FinishedOnSource
        or RedisOpenSlotState.SourceFailedOver or RedisOpenSlotState.TargetFailedOver;

    public static NextAction NextOf(SlotDiagnosis diagnosis)
    {
        foreach (var end in new[] { diagnosis.Source, diagnosis.Target })
        {
            if (end is { IsReachable: false })
                return NodeVerdict.Of(diagnosis.Situation.View, end).Cure;
        }

        var code = CanComplete(diagnosis.State) ? NextActionCode.Complete
            // The servers move it themselves, and will finish.
            : diagnosis.State == RedisOpenSlotState.Atomic ? NextActionCode.ShowOpenSlots
            : NextActionCode.Repair;
        return new NextAction(code) { Slots = diagnosis.Slot.ToString(CultureInfo.InvariantCulture) };
    }

    private static int? Percent(long? fromSource, long? onTarget) => (fromSource, onTarget) switch
    {
        (0, 0) => 0,
        (0, _) => 100,
        ({ } left, { } moved) => (int)(100 * moved / (left + moved)),
        _ => null,
    };

    private static string ClientsSee(SlotDiagnosis diagnosis)
    {
        var source = diagnosis.Source?.Name ?? "the source";
        var target = diagnosis.Target?.Name ?? "the target";
        return diagnosis.State switch
        {
            RedisOpenSlotState.ImportingOnly when diagnosis.Source is { IsReachable: false } =>
                "no key of the slot can be reached while " + source + " is unreachable",
            RedisOpenSlotState.ImportingOnly => "nothing unusual: " + source + " serves every key",
            RedisOpenSlotState.MigratingOnly when diagnosis.Target is { IsReachable: false } =>
                "keys that exist on " + source + " work; requests for other keys are sent to " + target + ", which does not answer",
            RedisOpenSlotState.MigratingOnly =>
                "keys that exist on " + source + " work; requests for other keys bounce between " + source + " and " + target,
            RedisOpenSlotState.Migrating => "single keys work through ASK redirects; commands on several keys may get TRYAGAIN",
            RedisOpenSlotState.Drained => "every key works through an ASK redirect to " + target,
            RedisOpenSlotState.FinishedOnTarget => "nothing unusual: " + target + " serves every key",
            RedisOpenSlotState.FinishedOnSource => "requests bounce between " + source + " and " + target + "; no key can be reached",
            RedisOpenSlotState.SourceFailedOver =>
                "keys already on " + target + " read as missing at " + source + ", and writing one creates a second copy",
            RedisOpenSlotState.TargetFailedOver => "keys that have already moved can't be reached; the others work",
            RedisOpenSlotState.StrayKeys => "keys on " + source + " read as missing; the owner " + target + " serves its own",
            RedisOpenSlotState.ClaimedWithoutEpoch => "different clients are sent to different masters",
            RedisOpenSlotState.Unowned => "CLUSTERDOWN for every key of the slot, or of the whole cluster",
            RedisOpenSlotState.Atomic => "nothing unusual until a pause of milliseconds at the end",
            _ => "not certain; see Detail",
        };
    }
}
