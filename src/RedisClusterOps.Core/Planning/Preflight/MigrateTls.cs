using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>Checks that MIGRATE connects to a port of its target with the same protocol: TLS if its node has tls-cluster yes.</summary>
internal static class MigrateTls
{
    private const int BusOffset = 10000;

    /// <summary>The refusal if no key could be moved because every MIGRATE would fail while the slot is open; otherwise null.</summary>
    public static RedisOperationException? Refusal(PreflightFacts facts) =>
        Moves(facts).Select(move => Refusal(facts, move)).FirstOrDefault(refusal => refusal is not null);

    public static IEnumerable<PlanFinding> Findings(PreflightFacts facts)
    {
        if (facts.Source.View?.TlsCluster is { } source && facts.Target.View?.TlsCluster is { } target && source != target)
        {
            yield return Finding(
                FindingSeverity.Error, facts.Target,
                facts.Source.Name + " has tls-cluster " + YesNo(source) + ", " + facts.Target.Name + " has tls-cluster " + YesNo(target)
                    + ": their cluster links can't connect.",
                "CONFIG SET tls-cluster " + YesNo(source) + " on " + facts.Target.Name);
        }

        foreach (var move in Moves(facts).Where(IsGuess).Take(1))
        {
            yield return Finding(
                FindingSeverity.Warning, move.Source,
                "It is unknown whether MIGRATE of " + move.Source.Name + " uses TLS, because CONFIG GET tls-cluster is not answered."
                    + " The bus port of " + move.Target.Name + " does not match " + move.Migrate.Target
                    + ". If no key can be moved, this is the reason.",
                "ACL SETUSER <user> +config|get on " + move.Source.Name);
        }
    }

    private static IEnumerable<MoveKeys> Moves(PreflightFacts facts) =>
        facts.IsAtomic ? [] : facts.Actions.OfType<MoveKeys>().Where(move => move.Keys != 0);

    private static RedisOperationException? Refusal(PreflightFacts facts, MoveKeys move)
    {
        if (move.Source.View?.TlsCluster is not { } tls)
            return null;
        var (port, setting) = tls ? ("speaks TLS", "tls-port") : ("speaks no TLS", "port");
        var protocol = tls ? "uses TLS" : "does not use TLS";
        var why = move.Source.Name + " has tls-cluster " + YesNo(tls) + ", so its MIGRATE " + protocol + ". ";
        if (move.Source.View.MigratePorts is { Count: 0 })
        {
            return Refused(
                move.Source,
                why + "It is unknown which port of " + move.Target.Name + " " + port
                    + ": CLUSTER SHARDS of " + move.Source.Name + " does not say.",
                new NextAction(NextActionCode.Advice)
                {
                    Note = "ACL SETUSER <user> +cluster|shards on " + move.Source.Name,
                    Or = tls
                        ? new NextAction(NextActionCode.Connect) { Options = NextActionOptions.UseTls }
                        : new NextAction(NextActionCode.Connect) { Note = "without TLS" },
                });
        }

        // Other nodes may know an old port. The target's own settings are current.
        var own = move.Target.Id == facts.Target.Id ? facts.TargetSettings
            : move.Target.Id == facts.Source.Id ? facts.SourceSettings
            : NodeSettings.Unknown;
        var (right, wrong) = tls ? (own.TlsPort, own.PlainPort) : (own.PlainPort, own.TlsPort);
        var isUnusable = right == 0 || move.Migrate.Target.Port == wrong
            || move.Source.View.MigratePorts?.ContainsKey(move.Target.Id) == false;
        return !isUnusable ? null : Refused(
            move.Target,
            why + "It knows " + move.Target.Name + " by no port that " + port + ".",
            new NextAction(NextActionCode.Advice) { Note = "CONFIG SET " + setting + " <port> on " + move.Target.Name });
    }

    // By default, the bus port is 10000 above the port that MIGRATE has to connect to.
    private static bool IsGuess(MoveKeys move) => move.Source.View is { TlsCluster: null, Facts.Engine: not ServerEngine.Garnet } view
        && view.Line(move.Target.Id) is { BusPort: > 0 } line && line.BusPort != line.Port + BusOffset;

    private static RedisOperationException Refused(ClusterNode node, string why, NextAction next) =>
        new(FailureCode.TlsMismatch, why + " No key could be moved. Nothing was changed.", node.Name, next);

    private static PlanFinding Finding(FindingSeverity severity, ClusterNode node, string message, string advice) => new()
    {
        Code = PlanFindingCode.TlsMismatch,
        Severity = severity,
        Target = node.Name,
        Message = message,
        Next = new NextAction(NextActionCode.Advice) { Note = advice },
    };

    private static string YesNo(bool value) => value ? "yes" : "no";
}
