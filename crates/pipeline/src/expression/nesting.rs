//! A look at the tokens before they are parsed: the parser and all that walks its tree use the stack,
//! so what would nest too deeply is refused here.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::Fault;
use crate::diagnostic::Code;

/// How many operators, brackets and the like may be open inside one another.
const OPERATORS_MAX: usize = 100;
/// How many tokens one `{{ … }}` or `{% … %}` may hold.
const TOKENS_MAX: usize = 4000;
/// How many branches and blocks one template may have.
const BLOCKS_MAX: usize = 300;

/// Refuses a template whose tree would be too deep. Faults of the syntax are left to the parser.
pub(super) fn check(source: &str, syntax: &SyntaxConfig) -> Result<(), Fault> {
    let mut open = vec![0];
    let mut tokens = 0;
    let mut blocks = 0;
    for token in tokenize(source, false, syntax.clone()) {
        let Ok((token, span)) = token else { return Ok(()) };
        tokens += 1;
        match token {
            Token::VariableStart | Token::BlockStart => {
                open = vec![0];
                tokens = 0;
                blocks += usize::from(matches!(token, Token::BlockStart));
            }
            Token::Comma => *top(&mut open) = 0,
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => {
                *top(&mut open) += 1;
                open.push(0);
            }
            Token::ParenClose | Token::BracketClose | Token::BraceClose if open.len() > 1 => {
                open.pop();
            }
            ref token if deepens(token) => *top(&mut open) += 1,
            _ => {}
        }
        if open.iter().sum::<usize>() > OPERATORS_MAX || tokens > TOKENS_MAX || blocks > BLOCKS_MAX {
            return Err(Fault {
                code: Code::Runaway,
                message: "this template is too deeply nested or too long; work it out in several steps"
                    .into(),
                span: span.start_offset as usize..span.end_offset as usize,
                suggestion: None,
            });
        }
    }
    Ok(())
}

fn top(open: &mut [usize]) -> &mut usize {
    open.last_mut().expect("the outermost level is never closed")
}

fn deepens(token: &Token<'_>) -> bool {
    match token {
        Token::Ident(word) => matches!(*word, "and" | "or" | "not" | "if" | "else" | "is" | "in"),
        Token::TemplateData(_) | Token::VariableEnd | Token::BlockEnd => false,
        Token::Str(_) | Token::String(_) | Token::Int(_) | Token::Int128(_) | Token::Float(_) => false,
        Token::Assign | Token::Colon | Token::ParenClose | Token::BracketClose | Token::BraceClose => false,
        _ => true,
    }
}
