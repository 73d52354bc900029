using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>Whether MIGRATE finds a port of its target that speaks what it speaks itself: TLS exactly where its node has tls-cluster yes.</summary>
internal static class MigrateTls
{
    private const int BusOffset = 10000;

    /// <summary>Where no key can be moved: each MIGRATE would fail, with the slot open.</summary>
    public static RedisOperationException? Refusal(PreflightFacts facts) => Moves(facts).Select(move => Refusal(facts, move)).FirstOrDefault(refusal => refusal is not null);

    public static IEnumerable<PlanFinding> Findings(PreflightFacts facts)
    {
        if (facts.Source.View?.TlsCluster is { } speaks && facts.Target.View?.TlsCluster is { } other && speaks != other)
        {
            yield return Finding(
                FindingSeverity.Error, facts.Target,
                facts.Source.Name + " has tls-cluster " + YesNo(speaks) + ", " + facts.Target.Name + " " + YesNo(other) + ": their links don't reach each other.",
                "CONFIG SET tls-cluster " + YesNo(speaks) + " on " + facts.Target.Name);
        }

        foreach (var move in Moves(facts).Where(IsGuess).Take(1))
        {
            yield return Finding(
                FindingSeverity.Warning, move.Source,
                "Whether MIGRATE of " + move.Source.Name + " speaks TLS is not known (CONFIG GET tls-cluster is not answered), and the port of the bus of " + move.Target.Name
                    + " does not fit " + move.Migrate.Target + ": if no key can be moved, this is why.",
                "ACL SETUSER <user> +config|get on " + move.Source.Name);
        }
    }

    private static IEnumerable<MoveKeys> Moves(PreflightFacts facts) => facts.IsAtomic ? [] : facts.Actions.OfType<MoveKeys>().Where(move => move.Keys != 0);

    private static RedisOperationException? Refusal(PreflightFacts facts, MoveKeys move)
    {
        if (move.Source.View?.TlsCluster is not { } tls)
            return null;
        var (port, setting) = tls ? ("speaks TLS", "tls-port") : ("speaks no TLS", "port");
        var why = move.Source.Name + " has tls-cluster " + YesNo(tls) + ", so its MIGRATE speaks " + (tls ? "TLS" : "no TLS") + ", and ";
        if (move.Source.View.MigratePorts is { Count: 0 })
        {
            return Refused(
                move.Source, why + "which port of " + move.Target.Name + " " + port + " is not known: CLUSTER SHARDS of " + move.Source.Name + " does not tell.",
                "ACL SETUSER <user> +cluster|shards on " + move.Source.Name + ", or connect " + (tls ? "with -UseTls" : "without TLS"));
        }

        // What others know of a node may be old; its own word is not.
        var own = move.Target.Id == facts.Target.Id ? facts.TargetSettings : move.Target.Id == facts.Source.Id ? facts.SourceSettings : NodeSettings.Unknown;
        var (right, wrong) = tls ? (own.TlsPort, own.PlainPort) : (own.PlainPort, own.TlsPort);
        return right == 0 || move.Migrate.Target.Port == wrong || move.Source.View.MigratePorts?.ContainsKey(move.Target.Id) == false
            ? Refused(move.Target, why + move.Target.Name + " is known to it by no port that " + port + ".", "CONFIG SET " + setting + " <port> on " + move.Target.Name)
            : null;
    }

    // Unless somebody has set it otherwise, the bus is 10000 above the port that MIGRATE has to dial.
    private static bool IsGuess(MoveKeys move) => move.Source.View is { TlsCluster: null, Facts.Engine: not ServerEngine.Garnet } view
        && view.Line(move.Target.Id) is { BusPort: > 0 } line && line.BusPort != line.Port + BusOffset;

    private static RedisOperationException Refused(ClusterNode node, string why, NextAction? next) =>
        new(FailureCode.TlsMismatch, why + " No key could be moved, and nothing was done.", node.Name, next);

    private static PlanFinding Finding(FindingSeverity severity, ClusterNode node, string message, string advice) =>
        new() { Code = PlanFindingCode.TlsMismatch, Severity = severity, Target = node.Name, Message = message, Advice = advice };

    private static string YesNo(bool value) => value ? "yes" : "no";
}
