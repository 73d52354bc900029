using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Planning.Slots;
using static RedisClusterOps.Planning.Preflight.PreflightRules;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>Plans that would report success although keys do not arrive, or although they are on another node.</summary>
internal static class KeyRisks
{
    // The servers' own migration reports success for keys that the target could not take, and the source then deletes them. MIGRATE fails
    // and leaves them on the source.
    public static RedisOperationException? OfModules(PreflightFacts facts) => !facts.IsAtomic || ModulesText(facts) is not { } text
        ? null
        : new RedisOperationException(
            FailureCode.ModuleMissing,
            text + " The servers' own migration would lose keys of its types. Nothing was changed.",
            facts.Target.Name,
            LoadModule(facts) with { Or = new NextAction(NextActionCode.Repeat) { Options = NextActionOptions.KeyByKey } });

    public static IEnumerable<PlanFinding> Modules(PreflightFacts facts)
    {
        if (facts.IsAtomic || !facts.Actions.OfType<MoveKeys>().Any() || ModulesText(facts) is not { } text)
            yield break;
        yield return Finding(
            PlanFindingCode.ModuleMissing, FindingSeverity.Warning, facts.Target.Name,
            text + " A key of its types can't be moved: its slot stays half moved, and no key is lost.",
            LoadModule(facts));
    }

    private static NextAction LoadModule(PreflightFacts facts) =>
        new(NextActionCode.Advice) { Note = "load the module on " + facts.Target.Name + " (MODULE LOAD, or loadmodule and a restart)" };

    private static string? ModulesText(PreflightFacts facts)
    {
        if (facts.Source.View?.Facts.Modules is not { Count: > 0 } onSource || facts.Target.View?.Facts.Modules is not { } onTarget)
            return null;
        var missing = onSource.Keys.Where(name => !onTarget.ContainsKey(name)).OrderBy(name => name, StringComparer.Ordinal).ToList();
        var older = onSource.Where(module => onTarget.TryGetValue(module.Key, out var version) && version < module.Value)
            .OrderBy(module => module.Key, StringComparer.Ordinal)
            .Select(module => module.Key + " version " + Version(module.Value) + ", there " + Version(onTarget[module.Key])).ToList();
        if (missing.Count + older.Count == 0)
            return null;
        return facts.Target.Name + (missing.Count > 0
            ? " lacks " + Count(missing.Count, "module") + " of " + facts.Source.Name + " (" + Names(missing) + ")."
            : " has an older module than " + facts.Source.Name + " (" + Names(older) + ").");
    }

    // A master that was demoted holds its keys until it synchronizes with its successor, which then has the only copy.
    public static RedisOperationException? OfDemotedMaster(PreflightFacts facts)
    {
        if (facts.Unsynced is not { } unsynced)
            return null;
        var (replica, master) = (unsynced.Replica.Name, unsynced.Master.Name);
        return new RedisOperationException(
            FailureCode.KeysMissing,
            replica + ", a replica of " + master + ", has never synchronized with it and holds " + Count(unsynced.Keys, "key")
                + " of " + (unsynced.IsOfMany ? "the slots" : "slot " + Slot(facts)) + "; " + facts.Source.Name
                + (facts.Source == facts.Target ? " holds " : " and " + facts.Target.Name + " hold ") + Count(unsynced.KeysOnMasters, "key")
                + ". It may be the former master, and deletes its keys when it synchronizes. Nothing was changed.",
            replica,
            new NextAction(unsynced.IsOfMany ? NextActionCode.ShowNodes : NextActionCode.ShowKeys)
            {
                Slots = unsynced.IsOfMany ? null : Slot(facts),
                Node = replica,
                Note = "shows what it holds",
                Or = NextAction.Advise(
                    "keep its keys by hand: no operation of this module promotes a replica that has never synchronized. CLUSTER FAILOVER"
                    + " TAKEOVER on " + replica + " makes it a master with its keys, and drops what was written to " + master
                    + " since. Once it has synchronized, or was removed, the same command continues"),
            });
    }

    private static string Version(long number) => number.ToString(CultureInfo.InvariantCulture);
}
