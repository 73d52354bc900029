using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Reports;

/// <summary>An alert or a finding as people read it.</summary>
internal sealed record Problem(FindingSeverity Severity, string Code, string Target, string Message, NextAction? Next)
{
    /// <summary>Null of a finding, which is of this moment.</summary>
    public DateTime? Since { get; init; }

    public bool IsSinceExact { get; init; }
}

/// <summary>How bad, what, of whom, since when, and the command to run.</summary>
internal static class ProblemList
{
    private const int Most = 200;

    /// <summary>One entry for all of which the same is to be said: where one master is down, every node says that the cluster is.</summary>
    /// <returns>How many problems were left out, for there are too many to read.</returns>
    public static int Write(HtmlWriter page, IEnumerable<Problem> problems)
    {
        var entries = problems.GroupBy(problem => problem with { Target = string.Empty }).ToList();
        if (entries.Count > 0)
            page.Markup("<ul class=\"findings\">\n");
        foreach (var entry in entries.Take(Most))
            Write(page, entry.Key, string.Join(", ", entry.Select(problem => problem.Target)));
        if (entries.Count > 0)
            page.Markup("</ul>\n");
        return entries.Skip(Most).Sum(entry => entry.Count());
    }

    private static void Write(HtmlWriter page, Problem problem, string targets)
    {
        page.Markup("<li class=\"" + problem.Severity.ToString().ToLowerInvariant() + "\"><span class=\"severity\">" + Sign(problem.Severity) + " ").Text(problem.Severity.ToString())
            .Markup("</span> ").Text(problem.Code + " " + targets);
        if (problem.Since is { } since)
            page.Markup(" <span class=\"since\">").Text(problem.IsSinceExact ? "since" : "since at least").Markup(" ").Time(since).Markup("</span>");
        page.Markup("<p>").Text(problem.Message).Markup("</p>");
        if (problem.Next is { } next)
            page.Markup("<p>Next: <code>").Next(next).Markup("</code></p>");
        page.Markup("</li>\n");
    }

    private static string Sign(FindingSeverity severity) => severity switch
    {
        FindingSeverity.Error => "✖",
        FindingSeverity.Warning => "▲",
        _ => "•",
    };
}
