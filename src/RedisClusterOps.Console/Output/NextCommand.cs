using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Text.RegularExpressions;
using RedisClusterOps.Console.CommandLine;

namespace RedisClusterOps.Console.Output;

/// <summary>Advice of the core names cmdlets; where an rco command is the same thing, it is shown in rco's form first.</summary>
internal static partial class NextCommand
{
    private static readonly Dictionary<string, string> Commands = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Test-RedisCluster"] = "check",
        ["Get-RedisClusterNode"] = "nodes",
        ["Get-RedisOpenSlot"] = "open-slots",
        ["Start-RedisSlotMigration"] = "start",
        ["Complete-RedisSlotMigration"] = "complete",
        ["Undo-RedisSlotMigration"] = "undo",
        ["Restart-RedisSlotMigration"] = "restart",
        ["Repair-RedisCluster"] = "repair",
        ["Move-RedisSlot"] = "move",
        ["New-RedisRebalancePlan"] = "plan",
        ["Invoke-RedisRebalance"] = "rebalance",
        ["Get-RedisMigration"] = "migrations",
        ["Resume-RedisMigration"] = "resume",
        ["Get-RedisClusterAlert"] = "alerts",
        ["Measure-RedisClusterLink"] = "links",
        ["Show-RedisSlotMap"] = "map",
        ["Export-RedisClusterReport"] = "report",
    };

    /// <summary>The advice as one line to copy: the cmdlet follows as a comment, which every shell ignores.</summary>
    /// <param name="advice">As the core gave it.</param>
    /// <param name="parsed">The command line at hand; its connection options are repeated.</param>
    public static string Of(string advice, ParseResult? parsed)
    {
        // Here connecting is no command of its own but options of every command.
        if (advice.StartsWith("Connect-RedisCluster ", StringComparison.Ordinal))
        {
            if (ConnectionOption().Match(advice) is { Success: true } option)
                return "the same with " + Kebab(option.Groups[1].Value) + option.Groups[2].Value + "   # " + advice;
            return advice.Contains("-Credential", StringComparison.Ordinal)
                ? "the same with --user <name>, its password in REDISCLI_AUTH or --password-file   # " + advice
                : "the same with --cluster " + Placeholder().Match(advice).Value + "   # " + advice;
        }

        // What follows is for people, or says how PowerShell is to lay the objects out.
        var line = Remark().Replace(advice, string.Empty);
        if (!OneCmdlet().IsMatch(line) || line.Split(' ') is not [var cmdlet, .. var rest] || !Commands.TryGetValue(cmdlet, out var command))
            return advice;
        var words = new List<string> { "rco", command };
        words.AddRange(rest.Select(word => Parameter().IsMatch(word) ? Kebab(word) : word));
        if (parsed is not null && !words.Contains(ClusterOptions.ClusterName) && SameCommand.Connection(parsed) is { Length: > 0 } connection)
            words.Add(connection);
        return string.Join(' ', words) + "   # " + advice;
    }

    /// <summary>Several pieces of advice; where they are one command for one slot each, one command for all the slots.</summary>
    public static IReadOnlyList<string> OfAll(IEnumerable<string> advice, ParseResult parsed)
    {
        var all = advice.Where(line => line.Length > 0).Distinct().ToList();
        var slots = all.Select(line => ForOneSlot().Match(line)).ToList();
        if (all.Count < 2 || !slots.All(match => match.Success) || slots.DistinctBy(match => match.Groups[1].Value).Count() > 1)
            return [.. all.Select(line => Of(line, parsed))];
        if (!Commands.TryGetValue(slots[0].Groups[1].Value, out var command))
            return all;
        var connection = SameCommand.Connection(parsed);
        return ["rco " + command + " --slot " + string.Join(' ', slots.Select(match => match.Groups[2].Value)) + (connection.Length > 0 ? " " + connection : string.Empty)];
    }

    private static string Kebab(string parameter) => "-" + CapitalLetter().Replace(parameter[1..], match => "-" + match.Value.ToLowerInvariant());

    // One cmdlet with plain parameters: no pipeline, no quotes, no prose around it.
    [GeneratedRegex(@"^[A-Z][A-Za-z]+-[A-Z][A-Za-z]+( -[A-Z][A-Za-z]+( <[^<>\p{Cc}]+>| [^\s'""|;&$()\-][^\s'""|;&$()]*)?)*$")]
    private static partial Regex OneCmdlet();

    [GeneratedRegex(@"( \| Format-(List|Table)|\s{2,}\(.*\))$")]
    private static partial Regex Remark();

    [GeneratedRegex("^(\\S+) -Slot (\\d+)$")]
    private static partial Regex ForOneSlot();

    [GeneratedRegex("^-[A-Z][A-Za-z]+$")]
    private static partial Regex Parameter();

    // Options of the same name here.
    [GeneratedRegex("^Connect-RedisCluster (-UseTls|-CaCertificatePath|-CertificatePath)( <[^>]+>)?$")]
    private static partial Regex ConnectionOption();

    [GeneratedRegex("<[^>]+>|$")]
    private static partial Regex Placeholder();

    [GeneratedRegex("[A-Z]")]
    private static partial Regex CapitalLetter();
}
