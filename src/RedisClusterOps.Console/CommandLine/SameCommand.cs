using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Linq;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>The command line at hand, as it can be typed again: what was given, without a password.</summary>
internal static class SameCommand
{
    /// <param name="without">An option to leave out; null for none.</param>
    /// <param name="with">What to put in its place.</param>
    public static string Of(ParseResult parsed, string? without = null, params string[] with) =>
        string.Join(' ', [PathOf(parsed.CommandResult), .. with, .. OptionsOf(parsed, name => name != without)]);

    /// <summary>Only the options that say which cluster, and who we are; empty where none was given.</summary>
    public static string Connection(ParseResult parsed) => string.Join(' ', OptionsOf(parsed, ClusterOptions.Names.Contains));

    /// <summary><c>rco lab up</c>.</summary>
    public static string PathOf(CommandResult result) =>
        result.Parent is CommandResult parent ? PathOf(parent) + " " + result.Command.Name : "rco";

    private static IEnumerable<string> OptionsOf(ParseResult parsed, Func<string, bool> wanted) =>
        from option in parsed.CommandResult.Command.Options
        where wanted(option.Name)
        let result = parsed.GetResult(option)
        where result is { Implicit: false }
        from word in option.Name == ClusterOptions.ClusterName
            ? WithoutPassword(parsed, result.Tokens)
            : result.Tokens.Select(token => token.Value).Prepend(option.Name)
        select ShellWord.Of(word);

    /// <summary>Whether the option stands on the command line.</summary>
    public static bool IsGiven(ParseResult parsed, string name) =>
        parsed.CommandResult.Command.Options.FirstOrDefault(option => option.Name == name) is { } option && parsed.GetResult(option) is { Implicit: false };

    private static IEnumerable<string> WithoutPassword(ParseResult parsed, IReadOnlyList<Token> tokens)
    {
        if (tokens.Count == 0 || ClusterOptions.TryParse(tokens[0].Value) is not { } session)
            yield break;
        yield return ClusterOptions.ClusterName;
        yield return session.ToString();
        if (session.User is { } user && !IsGiven(parsed, ClusterOptions.UserName))
        {
            yield return ClusterOptions.UserName;
            yield return user;
        }

        if (session.UseTls && !IsGiven(parsed, ClusterOptions.UseTlsName))
            yield return ClusterOptions.UseTlsName;
    }
}
